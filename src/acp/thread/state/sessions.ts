import type { ClientCall } from './calls.ts';
import {
  emptyThreadNote,
  firstIds,
  type KnownSession,
  knownSession,
  presentId,
  type ThreadNote,
} from './note.ts';
import { maxNoteBytes, pruned } from './note-bound.ts';
import type { Outgoing } from './outgoing.ts';
import { bareSetup, type SessionSetup } from './session-setup.ts';

/** How the client's ids of a thread's sessions are made and read. */
export interface SessionNaming {
  /** Makes the client's id for a session of the agent. */
  clientIdOf(agentId: string): string;
  /**
   * Reads a client's id that another bridge made. The agent's id is undefined if there was none yet. Returns undefined
   * for an id that no bridge made.
   */
  parse(clientId: string): { readonly agentId: string | undefined } | undefined;
}

/** A conversation, with its ids on both sides. Only {@link Sessions} changes it. */
export interface Session {
  /** The client's id. */
  readonly clientId: string;
  /** The agent's id; undefined until one is known. */
  readonly agentId: string | undefined;
  /** The params to open it with, if the agent has to be asked again. */
  readonly setup: SessionSetup;
}

/** The state of a session in the current agent. */
export type Phase =
  /** The agent was not asked to open it. */
  | { readonly is: 'unopened' }
  | Opening
  /** The agent holds it. */
  | { readonly is: 'held' }
  /** The client has closed it. Later requests about it go to the agent, which answers them. */
  | { readonly is: 'closed' };

/** The agent is being asked to open a session. */
export interface Opening {
  readonly is: 'opening';
  readonly session: Session;
  /** The client's own request for the session, which gets the result. */
  readonly asker: ClientCall | undefined;
  /** Lines for the session that wait until it is open, in order. */
  readonly held: Outgoing[];
}

/**
 * The sessions of one thread: their ids on both sides, their state in the current agent, and the note of them that is
 * left in the microVM. The client may have two ids for one session of the agent.
 */
export class Sessions {
  readonly #naming: SessionNaming;
  readonly #byClientId = new Map<string, Entry>();
  readonly #toAgent = new Map<string, string>();
  readonly #toClient = new Map<string, string>();
  #note: ThreadNote = emptyThreadNote;
  #isRecorded = false;
  #epoch: string | undefined;
  /** How often any session was opened or prompted. */
  #uses = 0;

  constructor(naming: SessionNaming) {
    this.#naming = naming;
  }

  /** The client's ids that differ from the agent's, each with the agent's. */
  get toAgent(): ReadonlyMap<string, string> {
    return this.#toAgent;
  }

  /** The agent's ids that differ from the client's, each with the client's. */
  get toClient(): ReadonlyMap<string, string> {
    return this.#toClient;
  }

  get note(): ThreadNote {
    return this.#note;
  }

  /** The note to leave in the microVM, as JSON text. Sessions for which it has no room are forgotten here, too. */
  noteToLeave(): string {
    const text = JSON.stringify(this.#note);
    if (Buffer.byteLength(text) <= maxNoteBytes) return text;
    this.#note = pruned(this.#note, this.#epoch);
    return JSON.stringify(this.#note);
  }

  /** Whether all sessions of the thread are known: then one that is not known was deleted or never existed. */
  get isRecorded(): boolean {
    return this.#isRecorded && this.#note.isPruned !== true;
  }

  /**
   * A new epoch begins. Its agent holds the sessions that the note assigns to it, and is only at turns that are in the
   * note.
   */
  beginEpoch(epoch: string, note: ThreadNote = emptyThreadNote): void {
    this.#epoch = epoch;
    this.recall(note);
  }

  /**
   * Reads the note from the microVM, which this bridge or another one left. Sessions get their ids from it before they
   * are used.
   */
  recall(note: ThreadNote = emptyThreadNote): void {
    this.#isRecorded ||= note !== emptyThreadNote;
    this.#note = {
      current: note.current ?? this.#note.current,
      sessions: { ...this.#note.sessions, ...note.sessions },
      isPruned: note.isPruned ?? this.#note.isPruned,
    };
    for (const { used = 0 } of Object.values(note.sessions)) this.#uses = Math.max(this.#uses, used);
    for (const session of this.#byClientId.values()) {
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

  /** Whether a client's id was made by a bridge. */
  isOurs(clientId: string): boolean {
    return this.#naming.parse(clientId) !== undefined;
  }

  all(): Session[] {
    return [...this.#byClientId.values()];
  }

  phaseOf(session: Session): Phase {
    const entry = this.#byClientId.get(session.clientId);
    if (entry?.opening !== undefined) return entry.opening;
    if (entry?.isClosed === true) return { is: 'closed' };
    return this.isHeld(session) ? { is: 'held' } : { is: 'unopened' };
  }

  /** The agent is being asked to open the session. Ends with `endOpening`. */
  beginOpening(session: Session, asker: ClientCall | undefined): Opening {
    const opening: Opening = { is: 'opening', session, asker, held: [] };
    const entry = this.#byClientId.get(session.clientId);
    if (entry !== undefined) entry.opening = opening;
    // A recent use keeps the session's directory from being forgotten meanwhile.
    if (session.agentId !== undefined) this.update(session.agentId, { used: (this.#uses += 1) });
    return opening;
  }

  /** The opening has succeeded or failed. Returns the lines that waited for it. */
  endOpening(opening: Opening): Outgoing[] {
    const entry = this.#byClientId.get(opening.session.clientId);
    if (entry?.opening === opening) entry.opening = undefined;
    return opening.held.splice(0);
  }

  /** The openings that are under way. */
  openings(): Opening[] {
    return [...this.#byClientId.values()].flatMap(({ opening }) => opening ?? []);
  }

  withAgentId(agentId: string): Session | undefined {
    return this.all().find((session) => session.agentId === agentId);
  }

  /** The client's id for a session of the agent, also for one that the client does not know yet. */
  clientIdOf(agentId: string): string {
    return this.withAgentId(agentId)?.clientId ?? this.#naming.clientIdOf(agentId);
  }

  /**
   * The agent uses the id of a session before it has answered the request for it. If only one opening is under way, the
   * client gets its own id for it.
   */
  anticipate(agentId: string): void {
    const [opening] = this.openings();
    const clientId = opening?.session.clientId ?? this.#naming.clientIdOf(agentId);
    if (clientId !== agentId && this.#toClient.size < maxNames) this.#toClient.set(agentId, clientId);
  }

  /** Whether the agent's id was given out by `session/new` or `session/fork`, as far as is known. */
  knows(agentId: string): boolean {
    return knownSession(this.#note, agentId) !== undefined || this.withAgentId(agentId) !== undefined;
  }

  /** The session with this client's id; undefined if nothing is known of the id. */
  find(clientId: string): Session | undefined {
    const known = this.#byClientId.get(clientId);
    if (known !== undefined) return known;
    const parsed = this.#naming.parse(clientId);
    if (parsed !== undefined) return this.add(clientId, parsed.agentId, bareSetup);
    return knownSession(this.#note, clientId) === undefined
      ? undefined
      : this.add(clientId, clientId, bareSetup);
  }

  /** Adds a session under this client's id, or replaces its agent's id and setup. */
  add(clientId: string, agentId: string | undefined, setup: SessionSetup): Session {
    const known = this.#byClientId.get(clientId);
    if (known !== undefined) {
      known.setup = setup;
      return known;
    }
    const session: Entry = { clientId, agentId: undefined, setup, isClosed: false, opening: undefined };
    this.#byClientId.set(clientId, session);
    const present = agentId === undefined ? this.#current : presentId(this.#note, agentId);
    if (present !== undefined) this.#name(session, present);
    return session;
  }

  /** What the note has on a session. */
  recordOf({ agentId }: Session): KnownSession | undefined {
    return agentId === undefined ? undefined : knownSession(this.#note, agentId);
  }

  /**
   * The session's directory in the microVM.
   * @param threadCwd used if nothing else is known
   */
  cwdOf(session: Session, threadCwd: string): string {
    return this.recordOf(session)?.cwd ?? session.setup.remoteCwd ?? threadCwd;
  }

  /**
   * The current agent holds the session, under this id.
   *
   * @param result the agent's answer, as JSON text
   */
  opened(session: Session, agentId: string, result: string, threadCwd: string): void {
    this.#isRecorded = true;
    const last = session.agentId;
    const before = this.recordOf(session);
    const known: KnownSession = {
      cwd: this.cwdOf(session, threadCwd),
      // The client need not have named the directory to this bridge.
      localCwd: session.setup.localCwd ?? before?.localCwd,
      opened: result.length <= maxOpenedLength ? result : undefined,
      epoch: this.#epoch,
      used: (this.#uses += 1),
    };
    const entry = this.#byClientId.get(session.clientId);
    if (entry !== undefined) {
      entry.isClosed = false;
      this.#name(entry, agentId);
    }
    const sessions = { ...this.#note.sessions, [agentId]: known };
    if (last !== undefined && last !== agentId) {
      sessions[last] = { ...(before ?? known), became: agentId, turn: undefined, epoch: undefined };
    }
    this.#note = { ...this.#note, sessions, current: agentId };
  }

  /** The agent has begun a turn of the session, with the request of this number. */
  beginTurn(agentId: string, turn: number): void {
    this.update(agentId, { turn, used: (this.#uses += 1) });
  }

  /** The client has closed the session. */
  close(session: Session): void {
    const entry = this.#byClientId.get(session.clientId);
    if (entry?.agentId === undefined) return;
    entry.isClosed = true;
    this.update(entry.agentId, { epoch: undefined, turn: undefined });
  }

  /** Whether the current agent holds the session. */
  isHeld(session: Session): boolean {
    return this.#epoch !== undefined && this.recordOf(session)?.epoch === this.#epoch;
  }

  /** Whether the current agent is at a turn, as far as is known. */
  get isTurnOpen(): boolean {
    return Object.values(this.#note.sessions).some(
      ({ epoch, turn }) => turn !== undefined && epoch === this.#epoch,
    );
  }

  /** Changes what the note has on a session. Does nothing for one that is not known. */
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
    const { current } = this.#note;
    this.#note = { ...this.#note, sessions, current: current === agentId ? undefined : current };
  }

  get #current(): string | undefined {
    const { current } = this.#note;
    return current === undefined ? undefined : presentId(this.#note, current);
  }

  #name(session: Entry, agentId: string): void {
    session.agentId = agentId;
    this.#toAgent.delete(session.clientId);
    if (session.clientId === agentId) return;
    this.#toAgent.set(session.clientId, agentId);
    this.#toClient.set(agentId, session.clientId);
  }
}

interface Entry extends Session {
  agentId: string | undefined;
  setup: SessionSetup;
  isClosed: boolean;
  opening: Opening | undefined;
}

/** Enough for the models and modes that most agents list. Longer answers are not kept in the microVM. */
const maxOpenedLength = 16_384;

/** An agent that names more sessions is taken for hostile. */
const maxNames = 10_000;
