import { clientSessionId, parseClientSessionId, randomKey } from './client-session-ids.ts';
import type { ThreadChoice } from './thread-choice.ts';
import type { SessionNaming } from '../thread/state/sessions.ts';

/** Which thread each session belongs to, and how the client's session ids are made. */
export class SessionKeys {
  #first: string;
  readonly #threads: ThreadChoice;
  readonly #randomBytes: (size: number) => Uint8Array;
  /** Keys of the sessions whose ids do not hold one. */
  readonly #keys = new Map<string, string>();
  /** For ids that were never opened: the key of the thread whose agent used them last. */
  readonly #strangers = new Map<string, string>();
  #isFirstTaken = false;
  /** Key of a thread whose microVM waits for its first session. */
  #spare: string | undefined;

  constructor(threads: ThreadChoice, randomBytes: (size: number) => Uint8Array) {
    this.#threads = threads;
    this.#randomBytes = randomBytes;
    this.#first = threads.is === 'fixed' ? threads.key : randomKey(randomBytes);
  }

  /** The key of the thread whose agent answers `initialize` and which gets the first session. */
  get first(): string {
    return this.#first;
  }

  /** Takes a key for a new session. */
  take(): string {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    if (this.#isFirstTaken) return randomKey(this.#randomBytes);
    this.#isFirstTaken = true;
    return this.#first;
  }

  /** Keeps the key of an unused thread for the next new session. Returns false if another key is kept already. */
  spare(key: string): boolean {
    this.#spare ??= key;
    return this.#spare === key;
  }

  /** The thread with this key is gone and never had a session. */
  drop(key: string): void {
    if (key !== this.#first || this.#threads.is === 'fixed') return;
    this.#first = randomKey(this.#randomBytes);
    this.#isFirstTaken = false;
  }

  /** The key of a session's thread; undefined for a session that is not known. */
  of(sessionId: string): string | undefined {
    if (this.#threads.is === 'fixed') return this.#first;
    return this.#keys.get(sessionId) ?? parseClientSessionId(sessionId)?.key;
  }

  /** Whether the session was bound to a thread. */
  isBound(sessionId: string): boolean {
    return this.#keys.has(sessionId);
  }

  bind(sessionId: string, key: string): void {
    this.#keys.set(sessionId, key);
  }

  /** The key of the thread whose agent used the id of this session, which was never opened by that id. */
  ofStranger(sessionId: string): string | undefined {
    return this.#strangers.get(sessionId);
  }

  meetStranger(sessionId: string, key: string): void {
    this.#strangers.delete(sessionId);
    this.#strangers.set(sessionId, key);
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size > maxStrangers && oldest !== undefined) this.#strangers.delete(oldest);
  }

  /** How the client's ids of a thread's sessions are made and read. */
  namingOf(key: string): SessionNaming {
    const isFixed = this.#threads.is === 'fixed';
    // A key that a user or a chat chose belongs to one agent, so its own ids are unique.
    const isTold =
      parseClientSessionId(clientSessionId({ key, agentId: undefined }))?.key === key && !isFixed;
    return {
      clientIdOf: (agentId) => (isTold ? clientSessionId({ key, agentId }) : agentId),
      parse: (clientId) => {
        const parsed = isFixed ? undefined : parseClientSessionId(clientId);
        // An agent's id is valid in its own thread only.
        return parsed && { agentId: parsed.key === key ? parsed.agentId : undefined };
      },
    };
  }
}

const maxStrangers = 10_000;
