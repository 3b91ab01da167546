import { concat } from '../../base/concat.ts';
import type { Notes, SaveResult } from '../agent-link.ts';
import { type AgentStart, type AttachRequest, bootstrapLines, startPayload } from './scripts.ts';
import {
  type Environment,
  type HostRecord,
  type Keeping,
  noteText,
  type NumberedRecord,
  parseHostRecord,
} from './records.ts';

/**
 * The host's and the agent's state at an attach. `notes`, `keeping` and `environment` are given only to a bridge that
 * is new to the epoch; `saved` is the result of the last save, if there was one.
 */
export type BeginRecord = Extract<HostRecord, { is: 'begin' }> & {
  readonly notes: Notes;
  readonly keeping: Keeping;
  readonly environment: Environment;
  readonly saved: SaveResult | undefined;
};

/** An attach that succeeded. */
export interface Begun {
  readonly nonce: string;
  readonly key: number;
  readonly record: BeginRecord;
  /** Whether this attach started the agent. */
  readonly hasStarted: boolean;
}

export interface HandshakeOptions {
  /** Writes to the PTY. */
  readonly write: (bytes: Uint8Array) => void;
  /** Makes the names of a new attach: a nonce that no earlier one had, `WORD-NUMBER`, and a key below 2^31. */
  readonly name: () => { readonly nonce: string; readonly key: number };
  /** Whether this bridge knows nothing yet of the thread's agent. */
  readonly isNew: () => boolean;
  /** Whether an agent is to be started if the host finds none. */
  readonly mayStart: () => boolean;
  /** What to ask of the host. Called for each attempt. */
  readonly request: () => Omit<AttachRequest, 'nonce' | 'key' | 'attempt'>;
  /** How to start the agent. Called if the host finds none. */
  readonly start: () => AgentStart;
  /** The host is attached; `rest` is the output that came behind `begin`. */
  readonly onBegin: (begun: Begun, rest: Uint8Array) => void;
  /**
   * Another bridge has had the agent since. The host is asked again, with a `request` that knows nothing of the agent.
   */
  readonly onTaken: () => void;
  /** The host found no agent, and none is to be started. */
  readonly onDeclined: () => void;
  /** The host can't work; `what` is its reason. */
  readonly onFail: (what: string) => void;
  /** Nothing in the shell answers. */
  readonly onSilence: () => void;
}

/**
 * One attach on one connection: has a new shell, or the host that an earlier attach left there, run our host. It asks
 * without waiting for anything first, and asks again when no answer comes. Everything that the PTY says before the
 * host's records with this attach's nonce is noise: echo, prompts, replays, output of the attach before.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  #attach: Attach | undefined;
  #line: Uint8Array = empty;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** Begins an attach, on a connection that has just opened or that has a host already. */
  begin(): void {
    this.stop();
    this.#attach = {
      ...this.#options.name(),
      // Made once, so that each attempt starts the same agent.
      start: undefined,
      attempts: 0,
      said: new Map(),
      timer: undefined,
    };
    this.#ask(this.#attach);
  }

  /** Whether output is to be given to the handshake rather than read as the agent's. */
  get isUnderWay(): boolean {
    return this.#attach !== undefined;
  }

  onOutput(bytes: Uint8Array): void {
    let rest = bytes;
    for (let attach = this.#attach; attach !== undefined; attach = this.#attach) {
      const end = rest.indexOf(0x0a);
      if (end < 0) {
        this.#line = concat(this.#line, rest).slice(-limits.noiseBytes);
        return;
      }
      const line = concat(this.#line, rest.subarray(0, end)).slice(-limits.noiseBytes);
      this.#line = empty;
      rest = rest.subarray(end + 1);
      const said = parseHostRecord(line);
      if (said?.nonce === attach.nonce) this.#onRecord(attach, said, rest);
    }
  }

  /** Ends the handshake: the connection is gone, or the attach is not wanted any more. */
  stop(): void {
    clearTimeout(this.#attach?.timer);
    this.#attach = undefined;
    this.#line = empty;
  }

  #onRecord(attach: Attach, { attempt, number, record }: NumberedRecord, rest: Uint8Array): void {
    const said = attach.said.get(attempt) ?? nothing;
    // A record is missing: those behind it are ignored, and the attach is asked for again.
    if (number !== said.records || record === undefined) return;
    attach.said.set(attempt, { ...said, records: number + 1 });
    switch (record.is) {
      case 'need':
        if (!this.#options.mayStart()) {
          this.stop();
          this.#options.onDeclined();
          return;
        }
        attach.start ??= this.#options.start();
        this.#options.write(startPayload(attach.start, attach.nonce));
        this.#wait(attach, limits.answerMs);
        return;
      case 'starting':
        this.#wait(attach, limits.startMs);
        return;
      case 'storage':
        this.#wait(attach, (attach.start?.workspaceTimeoutMs ?? 0) + limits.startMs);
        return;
      case 'note': {
        const pieces = (said.notes[record.kind] ?? '') + record.piece;
        if (pieces.length > limits.noteBytes) return;
        attach.said.set(attempt, {
          ...said,
          records: number + 1,
          notes: { ...said.notes, [record.kind]: pieces },
        });
        return;
      }
      case 'keeping':
        attach.said.set(attempt, { ...said, records: number + 1, keeping: record.keeping });
        return;
      case 'environment':
        attach.said.set(attempt, { ...said, records: number + 1, environment: record.environment });
        return;
      case 'saved':
        attach.said.set(attempt, { ...said, records: number + 1, saved: record.result });
        return;
      case 'taken':
        // A host never says `taken` to a bridge that knows nothing; a hostile one could do so for ever.
        if (this.#options.isNew()) return;
        this.#options.onTaken();
        this.begin();
        return;
      case 'fail':
        this.stop();
        this.#options.onFail(record.what);
        return;
      case 'begin': {
        const { agent, thread } = said.notes;
        this.stop();
        this.#options.onBegin(
          {
            nonce: attach.nonce,
            key: attach.key,
            record: {
              ...record,
              notes: { agent: textOf(agent), thread: textOf(thread) },
              keeping: said.keeping,
              environment: said.environment,
              saved: said.saved,
            },
            hasStarted: record.epoch === attach.start?.epoch,
          },
          rest,
        );
      }
    }
  }

  #ask(attach: Attach): void {
    attach.attempts += 1;
    const { nonce, key, attempts } = attach;
    const request = this.#options.request();
    // Not at the first attempts: an interrupt would end a shell's start-up files, which may only be slow.
    if (attempts >= limits.interruptFrom) this.#options.write(interrupt);
    this.#options.write(bootstrapLines({ ...request, nonce, key, attempt: attempts }));
    this.#wait(attach, limits.answerMs * 2 ** Math.max(attempts - 2, 0) + request.saveMs);
  }

  #wait(attach: Attach, ms: number): void {
    clearTimeout(attach.timer);
    attach.timer = setTimeout(() => {
      if (attach.attempts < limits.attempts) {
        this.#ask(attach);
        return;
      }
      this.stop();
      this.#options.onSilence();
    }, ms);
  }
}

interface Attach {
  readonly nonce: string;
  readonly key: number;
  /** Made when the host first needed it. */
  start: AgentStart | undefined;
  attempts: number;
  /** What the host said to each attempt. */
  readonly said: Map<number, Said>;
  timer: NodeJS.Timeout | undefined;
}

/** What the host has said before it is attached. */
interface Said {
  /** How many records have come, without a gap. */
  readonly records: number;
  /** In base64. */
  readonly notes: Notes;
  readonly keeping: Keeping;
  readonly environment: Environment;
  readonly saved: SaveResult | undefined;
}

const limits = {
  /** A round trip around the earth takes 0.3 s. Doubled from the third attempt on: 1, 1, 2, 4, 8, 16 s, half a minute in all. */
  answerMs: 1000,
  attempts: 6,
  interruptFrom: 4,
  /** The host waits 3 s for an old agent to end and 20 s for its save before it starts the new one. */
  startMs: 30_000,
  /** A record is at the end of a line of noise, so only that much of the end is kept. */
  noiseBytes: 16 * 1024,
  /** A note of 256 KB, in base64. */
  noteBytes: 512 * 1024,
} as const;

/**
 * Ends a program that has the terminal in the place of a shell. The newline ends the line if the interrupt is taken as
 * a mere byte.
 */
const interrupt = Uint8Array.of(0x03, 0x0a);
const empty = new Uint8Array();
const nothing: Said = {
  records: 0,
  notes: { agent: undefined, thread: undefined },
  keeping: 'no-mount',
  environment: 'found',
  saved: undefined,
};

function textOf(pieces: string | undefined): string | undefined {
  return pieces === undefined ? undefined : noteText(pieces);
}
