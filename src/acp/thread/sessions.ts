import { bareSetup, createSession, type Session, type SessionSetup } from './session.ts';
import {
  emptyThreadNote,
  firstIds,
  type KnownSession,
  knownSession,
  presentId,
  type ThreadNote,
} from './note.ts';

/** How a thread's sessions are called on the client's side. */
export interface SessionNaming {
  /** The client's name for a session that has none yet. */
  clientIdOf(agentId: string): string;
  /**
   * What a client's name tells that another bridge gave out: the agent's id, where there was one by then. Undefined for a
   * name that is not of the bridge's making.
   */
  parse(clientId: string): { readonly agentId: string | undefined } | undefined;
}

/** The sessions of one thread, under both of their names, and what is left of them in the microVM. */
export class ThreadSessions {
  readonly #naming: SessionNaming;
  readonly #byClientId = new Map<string, Session>();
  readonly #toAgent = new Map<string, string>();
  readonly #toClient = new Map<string, string>();
  #note: ThreadNote = emptyThreadNote;
  #isRecorded = false;

  constructor(naming: SessionNaming) {
    this.#naming = naming;
  }

  /** The client's names that are not the agent's, with the agent's. */
  get toAgent(): ReadonlyMap<string, string> {
    return this.#toAgent;
  }

  /** The agent's names that are not the client's, with the client's. */
  get toClient(): ReadonlyMap<string, string> {
    return this.#toClient;
  }

  get note(): ThreadNote {
    return this.#note;
  }

  /** Whether there is a record of the thread's sessions: one that is not in it was deleted, or never was. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /**
   * What was left in the microVM: by this bridge, or by another one since. Sessions get their names from it before anything is
   * said of them.
   */
  recall(note: ThreadNote = emptyThreadNote): void {
    this.#isRecorded ||= note !== emptyThreadNote;
    this.#note = {
      current: note.current ?? this.#note.current,
      sessions: { ...this.#note.sessions, ...note.sessions },
    };
    for (const session of this.all()) {
      const agentId = session.agentId === undefined ? this.#current : presentId(this.#note, session.agentId);
      if (agentId !== undefined) this.#name(session, agentId);
    }
    const firstId = firstIds(this.#note);
    const named = new Set(this.all().map(({ agentId }) => agentId));
    for (const [agentId, { became }] of Object.entries(note.sessions)) {
      if (became !== undefined || named.has(agentId)) continue;
      this.add(this.#naming.clientIdOf(firstId(agentId)), agentId, bareSetup);
    }
  }

  all(): Session[] {
    return [...this.#byClientId.values()];
  }

  withAgentId(agentId: string): Session | undefined {
    return this.all().find((session) => session.agentId === agentId);
  }

  /** The client's name for a session of the agent's, also for one that it has not heard of. */
  clientIdOf(agentId: string): string {
    return this.withAgentId(agentId)?.clientId ?? this.#naming.clientIdOf(agentId);
  }

  /** The agent speaks of a session that it has not yet said it opened: the client is to hear of it under its own name. */
  anticipate(agentId: string): void {
    const opening = this.all().find(({ held }) => held !== undefined);
    const clientId = opening?.clientId ?? this.#naming.clientIdOf(agentId);
    if (clientId !== agentId && this.#toClient.size < maxNames) this.#toClient.set(agentId, clientId);
  }

  /** Whether the agent's id was ever given out by `session/new`, for all that is known. */
  knows(agentId: string): boolean {
    return knownSession(this.#note, agentId) !== undefined || this.withAgentId(agentId) !== undefined;
  }

  /** What the client calls so, or should: undefined for a name that nothing is known of. */
  find(clientId: string): Session | undefined {
    const known = this.#byClientId.get(clientId);
    if (known !== undefined) return known;
    const parsed = this.#naming.parse(clientId);
    if (parsed !== undefined) return this.add(clientId, parsed.agentId, bareSetup);
    return knownSession(this.#note, clientId) === undefined
      ? undefined
      : this.add(clientId, clientId, bareSetup);
  }

  /** A session comes to be known under that name of the client's, or is opened with other params. */
  add(clientId: string, agentId: string | undefined, setup: SessionSetup): Session {
    const known = this.#byClientId.get(clientId);
    if (known !== undefined) {
      known.setup = setup;
      return known;
    }
    const session = createSession(clientId, setup);
    this.#byClientId.set(clientId, session);
    const present = agentId === undefined ? this.#current : presentId(this.#note, agentId);
    if (present !== undefined) this.#name(session, present);
    return session;
  }

  /** The agent of that epoch holds the session, under this name. */
  settle(session: Session, agentId: string, epoch: string, known: KnownSession): void {
    this.#isRecorded = true;
    session.isClosed = false;
    const last = session.agentId;
    this.#name(session, agentId);
    const sessions = { ...this.#note.sessions, [agentId]: { ...known, epoch } };
    const before = last === undefined ? undefined : knownSession(this.#note, last);
    if (last !== undefined && last !== agentId) {
      sessions[last] = { ...(before ?? known), became: agentId, turn: undefined, epoch: undefined };
    }
    this.#note = { sessions, current: agentId };
  }

  /** Whether the agent of that epoch holds the session. */
  isHeld({ agentId }: Session, epoch: string): boolean {
    return agentId !== undefined && knownSession(this.#note, agentId)?.epoch === epoch;
  }

  /** Changes what is known of a session; without effect for one that is not known. */
  update(agentId: string, change: Partial<KnownSession>): void {
    const known = knownSession(this.#note, agentId);
    if (known === undefined) return;
    this.#note = { ...this.#note, sessions: { ...this.#note.sessions, [agentId]: { ...known, ...change } } };
  }

  forget(session: Session): void {
    this.#isRecorded = true;
    this.#byClientId.delete(session.clientId);
    this.#toAgent.delete(session.clientId);
    const { agentId } = session;
    if (agentId === undefined) return;
    this.#toClient.delete(agentId);
    const { [agentId]: _, ...sessions } = this.#note.sessions;
    this.#note = { sessions, current: this.#note.current === agentId ? undefined : this.#note.current };
  }

  get #current(): string | undefined {
    const { current } = this.#note;
    return current === undefined ? undefined : presentId(this.#note, current);
  }

  #name(session: Session, agentId: string): void {
    session.agentId = agentId;
    this.#toAgent.delete(session.clientId);
    if (session.clientId === agentId) return;
    this.#toAgent.set(session.clientId, agentId);
    this.#toClient.set(agentId, session.clientId);
  }
}

/** An agent that speaks of more sessions than this is up to no good. */
const maxNames = 10_000;
