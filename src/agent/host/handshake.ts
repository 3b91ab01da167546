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
 * How both sides stand. `notes`, `keeping` and `environment` are told only to who is new to the epoch; `saved` is how the
 * last save went, where there was one.
 */
export type BeginRecord = Extract<HostRecord, { is: 'begin' }> & {
  readonly notes: Notes;
  readonly keeping: Keeping;
  readonly environment: Environment;
  readonly saved: SaveResult | undefined;
};

/** An attach that stands. */
export interface Begun {
  readonly nonce: string;
  readonly key: number;
  readonly record: BeginRecord;
  /** Whether it started the agent. */
  readonly hasStarted: boolean;
}

export interface HandshakeOptions {
  /** To the PTY. */
  readonly write: (bytes: Uint8Array) => void;
  /** Names for a new attach: a nonce that no earlier one had, `WORD-NUMBER`, and a key, below 2^31. */
  readonly name: () => { readonly nonce: string; readonly key: number };
  /** Whether nothing of the thread's agent is known here yet. */
  readonly isNew: () => boolean;
  /** Whether an agent is wanted where the host finds none. */
  readonly mayStart: () => boolean;
  /** What to ask of the host, at this moment. */
  readonly request: () => Omit<AttachRequest, 'nonce' | 'key' | 'attempt'>;
  /** How to start the agent, if the host finds none. */
  readonly start: () => AgentStart;
  /** The host is attached; `rest` is the first of the output. */
  readonly onBegin: (begun: Begun, rest: Uint8Array) => void;
  /** Another bridge had the agent since. The host is asked again, by a `request` that knows nothing of it. */
  readonly onTaken: () => void;
  /** There is no agent, and none is wanted. */
  readonly onDeclined: () => void;
  /** The host can't work, and says why. */
  readonly onFail: (what: string) => void;
  /** Nothing in the shell answers. */
  readonly onSilence: () => void;
}

/**
 * One attach on one connection: gets a fresh shell, or whatever an earlier bridge left in one, to run our host. Nothing is
 * awaited before it is asked, and what stays unanswered is asked again. All that the PTY says before the host's records
 * with this attach's nonce is noise: echo, prompts, replays, output of the attach before.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  #attach: Attach | undefined;
  #line: Uint8Array = empty;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** The connection has just opened, or the host on it is to attach anew. */
  begin(): void {
    this.stop();
    this.#attach = {
      ...this.#options.name(),
      // The same agent, however often it is asked for.
      start: undefined,
      attempts: 0,
      said: new Map(),
      timer: undefined,
    };
    this.#ask(this.#attach);
  }

  /** Whether output belongs to the handshake, rather than to the agent. */
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

  /** Ends the handshake: the connection is gone, or is not wanted any more. */
  stop(): void {
    clearTimeout(this.#attach?.timer);
    this.#attach = undefined;
    this.#line = empty;
  }

  #onRecord(attach: Attach, { attempt, number, record }: NumberedRecord, rest: Uint8Array): void {
    const said = attach.said.get(attempt) ?? nothing;
    // Behind what is missing, nothing counts: the attach is asked for again.
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
        // Who knows nothing is never told so; a hostile host could go on with it for ever.
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
    // Not in the first tries: it would end a shell's start-up files, which may only be slow.
    if (attempts >= limits.interruptFrom) this.#options.write(interrupt);
    this.#options.write(bootstrapLines({ ...request, nonce, key, attempt: attempts }));
    this.#wait(attach, limits.answerMs * 2 ** (attempts - 1) + request.saveMs);
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
  /** Set when the host needed it. */
  start: AgentStart | undefined;
  attempts: number;
  /** What the host said to each attempt. */
  readonly said: Map<number, Said>;
  timer: NodeJS.Timeout | undefined;
}

/** What the host said before it is attached. */
interface Said {
  /** How many records came, none missing. */
  readonly records: number;
  /** In base64. */
  readonly notes: Notes;
  readonly keeping: Keeping;
  readonly environment: Environment;
  readonly saved: SaveResult | undefined;
}

const limits = {
  /** A round trip around the earth takes 0.3 s. Doubled with each try: 1, 2, 4, 8, 16 s, half a minute in all. */
  answerMs: 1000,
  attempts: 5,
  interruptFrom: 3,
  /** The host waits 3 s for an old agent to end and 20 s for what it saves, and then starts the new one. */
  startMs: 30_000,
  /** Of a line of noise, only the end can be a record. */
  noiseBytes: 16 * 1024,
  /** A note of 256 KB, in base64. */
  noteBytes: 512 * 1024,
} as const;

/** Ends whatever has the terminal in the place of a shell. The newline ends the line, where an interrupt is no more than a byte. */
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

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
