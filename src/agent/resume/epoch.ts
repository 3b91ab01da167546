import type { BridgeError } from '../../base/errors.ts';
import type { BeginRecord } from '../host/handshake.ts';
import { Freeing } from './freeing.ts';
import type { Checkpoint } from '../host/records.ts';
import { lost, taken } from './link-errors.ts';
import { type OutputEvents, OutputReader } from './output-reader.ts';

export type EpochEnd =
  /** The host says that the agent has ended; its exit status follows behind its last output. */
  | { readonly is: 'dead' }
  | { readonly is: 'exited' }
  /** Another bridge has had the agent since. The link attaches to it as one that knows nothing. */
  | { readonly is: 'taken' }
  /** The host is asked to end this agent, if it still runs, and to start another. */
  | { readonly is: 'to-replace'; readonly cause: BridgeError | undefined };

/** One life of the agent: its name, how it ended, and how far its output was read. */
export class Epoch {
  readonly id: string;
  readonly freeing = new Freeing();
  /** Undefined while the agent is believed to run. */
  end: EpochEnd | undefined;
  readonly #output: OutputReader;
  /** How far the client was when the link attached to this epoch. */
  readonly #resumedAt: number;
  /** How far the client is now. */
  #checkpoint: Checkpoint;

  /** @param maxLineBytes longer lines are dropped */
  constructor(record: BeginRecord, maxLineBytes: number, output: OutputEvents) {
    const checkpoint = record.checkpoint ?? { delivered: 0, open: [] };
    // Output of before the client's place is read again to find its open requests; the rest of it is skipped.
    const isNews = (start: number): boolean =>
      start >= checkpoint.delivered || checkpoint.open.includes(start);
    this.id = record.epoch;
    this.end = record.isLive ? undefined : { is: 'dead' };
    this.#resumedAt = checkpoint.delivered;
    this.#checkpoint = checkpoint;
    this.#output = new OutputReader({
      ...output,
      epoch: record.epoch,
      offset: record.outOffset,
      maxLineBytes,
      onLine: (line, start, end) => {
        if (line.length > 0 && isNews(start)) output.onLine(line, start, end);
      },
    });
  }

  /** Bytes of the agent's output that were received. */
  get received(): number {
    return this.#output.received;
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  push(bytes: Uint8Array): void {
    this.#output.push(bytes);
  }

  /** The bytes that are pushed next come from a new attach. */
  attached(): void {
    this.#output.attached();
  }

  /** Records how far the client has got. Returns the checkpoint to send; undefined if the host has the same one. */
  acknowledge(delivered: number, open: readonly number[]): Checkpoint | undefined {
    // Until the last client's place is reached, the checkpoint that the last bridge left stays valid.
    if (this.received < this.#resumedAt) return undefined;
    const checkpoint = { delivered: Math.max(delivered, this.#resumedAt), open };
    if (isEqual(checkpoint, this.#checkpoint)) return undefined;
    this.#checkpoint = checkpoint;
    return checkpoint;
  }

  /** Why this epoch ended, once the next has begun; undefined if its exit was told. */
  get causeOfEnd(): BridgeError | undefined {
    if (this.end?.is === 'exited') return undefined;
    if (this.end?.is === 'taken') return taken();
    return this.end?.is === 'to-replace' ? this.end.cause : lost();
  }
}

function isEqual(one: Checkpoint, other: Checkpoint): boolean {
  return (
    one.delivered === other.delivered &&
    one.open.length === other.open.length &&
    one.open.every((offset, index) => offset === other.open[index])
  );
}
