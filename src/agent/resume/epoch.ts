import type { BridgeError } from '../../base/errors.ts';
import type { BeginRecord } from '../host/handshake.ts';
import { Freeing } from './freeing.ts';
import type { Checkpoint, SizeReport } from '../host/records.ts';
import { lost, taken } from './link-errors.ts';
import { OutputReader } from './output-reader.ts';

/** What an {@link Epoch} finds in the agent's output. Offsets are those of `AgentLinkEvents`. */
export interface EpochOutput {
  readonly onLine: (line: Uint8Array, start: number, end: number) => void;
  readonly onOversizedLine: (head: Uint8Array, start: number, end: number) => void;
  /** How the agent ended, as the host put it on record. */
  readonly onHostLine: (payload: Uint8Array) => void;
  /** A line that the host says now, from its RS on. */
  readonly onRecord: (line: Uint8Array) => void;
  readonly onReport: (report: SizeReport) => void;
  /** Output is missing from `received` on. */
  readonly onGap: () => void;
}

export type EpochEnd =
  /** The host says that it ended; how is to come, behind its last output. */
  | { readonly is: 'dead' }
  | { readonly is: 'exited' }
  /** Another bridge had the agent since: the link comes to it as a new one. */
  | { readonly is: 'taken' }
  /** The host is to end it, where it has not ended, and to start another. */
  | { readonly is: 'to-replace'; readonly cause: BridgeError | undefined };

/** One life of the agent, as far as it was followed. */
export class Epoch {
  readonly id: string;
  readonly freeing = new Freeing();
  /** Undefined while the agent lives, for all we know. */
  end: EpochEnd | undefined;
  readonly #output: OutputReader;
  /** How far the client was when the link came to this epoch. */
  readonly #resumedAt: number;
  /** How far it is now. */
  #checkpoint: Checkpoint;

  /** @param maxLineBytes a longer line is dropped */
  constructor(record: BeginRecord, maxLineBytes: number, output: EpochOutput) {
    const checkpoint = record.checkpoint ?? { delivered: 0, open: [] };
    // Where the last client's requests are open, what it had got in between comes again.
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

  /** Bytes of its output that were received. */
  get received(): number {
    return this.#output.received;
  }

  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  push(bytes: Uint8Array): void {
    this.#output.push(bytes);
  }

  /** What is pushed next comes from another attach. */
  attached(): void {
    this.#output.attached();
  }

  /** How far the client has come; undefined where that is no news to the host. */
  acknowledge(delivered: number, open: readonly number[]): Checkpoint | undefined {
    // Until the last bridge's place is reached, what it left to do stands as it said.
    if (this.received < this.#resumedAt) return undefined;
    const checkpoint = { delivered: Math.max(delivered, this.#resumedAt), open };
    if (isEqual(checkpoint, this.#checkpoint)) return undefined;
    this.#checkpoint = checkpoint;
    return checkpoint;
  }

  /** Why it is no more, now that another has begun; undefined where its exit was told. */
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
