import type { ShellStatus } from '../../shell/status.ts';
import type { Notes, SaveResult } from '../agent-link.ts';
import { type AgentStart, type AttachRequest, bootstrapLine, interrupt, startPayload } from './scripts.ts';
import {
  type Environment,
  type HostRecord,
  type Keeping,
  parseEndRecord,
  parseHostRecord,
} from './records.ts';

/**
 * How both sides stand. `notes`, `keeping` and `environment` are told only to who is new to the epoch; `saved` where a save
 * has ended in this microVM.
 */
export type BeginRecord = Extract<HostRecord, { is: 'begin' }> & {
  readonly notes: Notes;
  readonly keeping: Keeping;
  readonly environment: Environment;
  readonly saved: SaveResult | undefined;
};

export interface HandshakeOptions {
  /** To the PTY. */
  readonly write: (bytes: Uint8Array) => void;
  /** A word that no earlier attach had: letters, digits and dashes. */
  readonly nonce: () => string;
  /** Whether nothing of the thread's agent is known here yet. */
  readonly isNew: () => boolean;
  /** What to ask of the host, at this moment. */
  readonly request: () => Omit<AttachRequest, 'nonce'>;
  /** How to start the agent, if the host finds none. */
  readonly start: () => AgentStart;
  /** The host is attached; `rest` is the first of the output. */
  readonly onBegin: (record: BeginRecord, hasStarted: boolean, rest: Uint8Array) => void;
  /** Another bridge had the agent since. The host is asked again, by a `request` that knows nothing of it. */
  readonly onTaken: () => void;
  /** The host can't work, and says why. */
  readonly onFail: (what: string) => void;
  /** Nothing in the shell answers. */
  readonly onSilence: () => void;
}

/**
 * One attach on one connection: gets a fresh shell, or whatever an earlier bridge left in one, to run our host.
 * Everything that the PTY says before the host's line with this attach's nonce is noise: echo, prompts, replays.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  #phase: Phase = { is: 'over' };
  #nonce = '';
  /** Of the attaches that may stand, for all we know: the last that was answered, and what was said since. */
  #open: string[] = [];
  #tries = 0;
  #hasStarted = false;
  #line: Uint8Array = empty;
  /** What the host said before it is attached. */
  #told = nothing;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** The connection has just opened. */
  begin(): void {
    this.#enter('confirming', limits.confirmationMs);
  }

  /** The host is attached on this connection, and is to attach anew. What it says from here on is dropped until it has. */
  again(): void {
    this.#interrupt();
  }

  /** Whether output belongs to the handshake, rather than to the agent. */
  get isUnderWay(): boolean {
    return this.#phase.is !== 'over';
  }

  onStatus(status: ShellStatus): void {
    if (this.#phase.is !== 'confirming' || status.is !== 'confirmation') return;
    // What the last bridge sent before it was gone may not be read yet, and an interrupt drops it. Our own we send again.
    if (status.reconnected && this.#options.isNew()) {
      this.#enter('letting-read', limits.readMs);
    } else if (status.reconnected) this.#interrupt();
    else this.#bootstrap(limits.freshShellMs);
  }

  onOutput(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.isUnderWay) {
      const end = rest.indexOf(0x0a);
      if (end < 0) {
        this.#line = concat(this.#line, rest).slice(-limits.noiseBytes);
        return;
      }
      const line = concat(this.#line, rest.subarray(0, end)).slice(-limits.noiseBytes);
      this.#line = empty;
      rest = rest.subarray(end + 1);
      this.#onLine(line, rest);
    }
  }

  /** What a line of output says, if the host that is attached says there that it can't go on. */
  readFailure(line: Uint8Array): string | undefined {
    const record = parseHostRecord(line, this.#nonce);
    return record?.is === 'fail' ? record.what : undefined;
  }

  /** Ends the handshake: the connection is gone, or is not wanted any more. */
  stop(): void {
    this.#leave();
    this.#phase = { is: 'over' };
    this.#tries = 0;
    this.#hasStarted = false;
    this.#line = empty;
  }

  #onLine(line: Uint8Array, rest: Uint8Array): void {
    if (this.#phase.is === 'interrupting') {
      if (this.#isEnd(line)) this.#bootstrap(limits.answerMs);
      return;
    }
    if (this.#phase.is !== 'bootstrapping') return;
    const record = parseHostRecord(line, this.#nonce);
    if (record === undefined) return;
    if (record.is === 'need') {
      this.#hasStarted = true;
      this.#options.write(startPayload(this.#options.start()));
      this.#enter('bootstrapping', limits.startMs);
      return;
    }
    if (record.is === 'taken') {
      // Who knows nothing is never told so; a hostile host could go on with it for ever.
      if (this.#options.isNew()) return;
      this.#options.onTaken();
      // It detaches by itself. An interrupt could come together with the next line, and have some of that dropped.
      this.#enter('interrupting', limits.detachMs);
      return;
    }
    if (record.is === 'note') {
      this.#told = { ...this.#told, notes: { ...this.#told.notes, [record.kind]: record.text } };
      return;
    }
    if (record.is === 'keeping') {
      this.#told = { ...this.#told, keeping: record.keeping };
      return;
    }
    if (record.is === 'environment') {
      this.#told = { ...this.#told, environment: record.environment };
      return;
    }
    if (record.is === 'saved') {
      this.#told = { ...this.#told, saved: record.result };
      return;
    }
    if (record.is === 'storage') {
      this.#enter('bootstrapping', this.#options.start().workspaceTimeoutMs + limits.startMs);
      return;
    }
    const hasStarted = this.#hasStarted;
    const told = this.#told;
    this.stop();
    this.#open = [this.#nonce];
    if (record.is === 'begin') this.#options.onBegin({ ...record, ...told }, hasStarted, rest);
    else this.#options.onFail(record.what);
  }

  /** Whether the host says that it detached. What it said of earlier attaches, the service may replay. */
  #isEnd(line: Uint8Array): boolean {
    const nonce = parseEndRecord(line);
    return nonce !== undefined && (this.#open.length === 0 || this.#open.includes(nonce));
  }

  #interrupt(): void {
    this.#options.write(interrupt);
    this.#enter('interrupting', limits.detachMs);
  }

  #bootstrap(answerMs: number): void {
    this.#nonce = this.#options.nonce();
    if (this.#open.length > 0) this.#open.push(this.#nonce);
    this.#hasStarted = false;
    this.#told = nothing;
    const request = this.#options.request();
    this.#options.write(bootstrapLine({ ...request, nonce: this.#nonce }));
    // A line can be swallowed by what ran in the shell, so it is said again: later and later, for slow machines.
    this.#enter('bootstrapping', answerMs * 2 ** this.#tries + request.saveMs);
    this.#tries += 1;
  }

  #onDeadline(): void {
    switch (this.#phase.is) {
      case 'confirming':
      // It may never come, and the shell may be an old one.
      case 'letting-read':
        this.#interrupt();
        return;
      case 'interrupting':
        // A fresh shell has no host that would say that it detached.
        this.#bootstrap(limits.answerMs);
        return;
      case 'bootstrapping':
        if (this.#tries < limits.tries) {
          this.#interrupt();
          return;
        }
        this.stop();
        this.#options.onSilence();
        return;
      case 'over':
    }
  }

  #enter(is: Exclude<Phase['is'], 'over'>, ms: number): void {
    this.#leave();
    this.#phase = { is, deadline: setTimeout(() => this.#onDeadline(), ms) };
  }

  #leave(): void {
    if (this.#phase.is !== 'over') clearTimeout(this.#phase.deadline);
  }
}

type Phase =
  | { readonly is: 'over' }
  /** Waits for the service to say whether the shell is a new one. */
  | { readonly is: 'confirming'; readonly deadline: NodeJS.Timeout }
  /** Waits for `cat` to read what the last bridge sent. */
  | { readonly is: 'letting-read'; readonly deadline: NodeJS.Timeout }
  /** The interrupt is sent, or none is needed; waits for the host to say that it detached. */
  | { readonly is: 'interrupting'; readonly deadline: NodeJS.Timeout }
  /** The bootstrap line is sent; waits for the line with its nonce. */
  | { readonly is: 'bootstrapping'; readonly deadline: NodeJS.Timeout };

const limits = {
  /** The confirmation comes with the first output, where it comes at all. */
  confirmationMs: 1000,
  readMs: 100,
  /** A host answers an interrupt in some 2 ms, and a round trip around the earth takes 300. */
  detachMs: 600,
  /** A login shell may have long start-up files. */
  freshShellMs: 10_000,
  answerMs: 750,
  /** The host waits 3 s for an old agent to end, and then starts the new one. */
  startMs: 30_000,
  /** 0.75 s, 1.5 s, up to 24 s: 47 s in all. */
  tries: 6,
  /** Of a line of noise, only the end can be a record; the longest is a note of 256 KB in base64. */
  noiseBytes: 512 * 1024,
} as const;

const empty = new Uint8Array();
const nothing: Pick<BeginRecord, 'notes' | 'keeping' | 'environment' | 'saved'> = {
  notes: { agent: undefined, thread: undefined },
  keeping: 'no-mount',
  environment: 'found',
  saved: undefined,
};

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
