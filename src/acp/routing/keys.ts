import { clientSessionId, parseClientSessionId, randomKey } from './client-session-ids.ts';
import type { ThreadChoice } from './thread-choice.ts';
import type { SessionNaming } from '../thread/state/sessions.ts';

/** Which thread each session belongs to, and how the client calls it. */
export class SessionKeys {
  #first: string;
  readonly #threads: ThreadChoice;
  readonly #randomBytes: (size: number) => Uint8Array;
  /** Of sessions whose names do not tell it. */
  readonly #keys = new Map<string, string>();
  /** Of sessions that were never opened by name: the thread whose agent spoke of them last. */
  readonly #strangers = new Map<string, string>();
  #isFirstTaken = false;
  /** Of a thread whose microVM waits for its first session. */
  #spare: string | undefined;

  constructor(threads: ThreadChoice, randomBytes: (size: number) => Uint8Array) {
    this.#threads = threads;
    this.#randomBytes = randomBytes;
    this.#first = threads.is === 'fixed' ? threads.key : randomKey(randomBytes);
  }

  /** The key of the thread whose agent answers `initialize`; the first session is its. */
  get first(): string {
    return this.#first;
  }

  /** A key for a new session. */
  take(): string {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    if (this.#isFirstTaken) return randomKey(this.#randomBytes);
    this.#isFirstTaken = true;
    return this.#first;
  }

  /** Leaves a key that was taken in vain to the next new session. False where another one waits for that already. */
  spare(key: string): boolean {
    this.#spare ??= key;
    return this.#spare === key;
  }

  /** The thread of that key is no more, and no session was ever its. */
  drop(key: string): void {
    if (key !== this.#first || this.#threads.is === 'fixed') return;
    this.#first = randomKey(this.#randomBytes);
    this.#isFirstTaken = false;
  }

  /** The key of the session's thread; undefined for one that nothing is known of. */
  of(sessionId: string): string | undefined {
    if (this.#threads.is === 'fixed') return this.#first;
    return this.#keys.get(sessionId) ?? parseClientSessionId(sessionId)?.key;
  }

  /** Whether it was ever said which thread the session belongs to. */
  isBound(sessionId: string): boolean {
    return this.#keys.has(sessionId);
  }

  bind(sessionId: string, key: string): void {
    this.#keys.set(sessionId, key);
  }

  /** The key of the thread whose agent spoke of this session, which it never opened by name. */
  ofStranger(sessionId: string): string | undefined {
    return this.#strangers.get(sessionId);
  }

  meetStranger(sessionId: string, key: string): void {
    this.#strangers.delete(sessionId);
    this.#strangers.set(sessionId, key);
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size > maxStrangers && oldest !== undefined) this.#strangers.delete(oldest);
  }

  /** How the client calls the sessions of a thread. */
  namingOf(key: string): SessionNaming {
    const isFixed = this.#threads.is === 'fixed';
    // Under a key that a person or a chat gave there is one agent, whose own ids do.
    const isTold =
      parseClientSessionId(clientSessionId({ key, agentId: undefined }))?.key === key && !isFixed;
    return {
      clientIdOf: (agentId) => (isTold ? clientSessionId({ key, agentId }) : agentId),
      parse: (clientId) => {
        const parsed = isFixed ? undefined : parseClientSessionId(clientId);
        // An agent's id tells nothing in another thread than its own.
        return parsed && { agentId: parsed.key === key ? parsed.agentId : undefined };
      },
    };
  }
}

const maxStrangers = 10_000;
