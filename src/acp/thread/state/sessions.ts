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

/** A conversation, as the client and the agent each know it. {@link Sessions} alone changes it. */
export interface Session {
  /** The client's name for it. */
  readonly clientId: string;
  /** The agent's; undefined until the agent has one, or is found to have one. */
  readonly agentId: string | undefined;
  /** What it is opened with, should the agent have to be told again. */
  readonly setup: SessionSetup;
}

/** Where a session stands with the agent that runs now. */
export type Phase =
  /** The agent was not asked for it. */
  | { readonly is: 'unopened' }
  | Opening
  /** The agent has it. */
  | { readonly is: 'held' }
  /** The client closed it: then it is the agent's to say what becomes of requests about it. */
  | { readonly is: 'closed' };

/** The agent is being asked for a session. */
export interface Opening {
  readonly is: 'opening';
  readonly session: Session;
  /** The client's own request for the session, which is answered with how it went. */
  readonly asker: ClientCall | undefined;
  /** What is for the session meanwhile, in order. */
  readonly held: Outgoing[];
}

/**
 * The sessions of one thread: under both of their names, where each stands with the agent that runs now, and what is left
 * of them in the microVM. The client may have two names for one session of the agent's.
 */
export class Sessions {
  readonly #naming: SessionNaming;
  readonly #byClientId = new Map<string, Entry>();
  readonly #toAgent = new Map<string, string>();
  readonly #toClient = new Map<string, string>();
  #note: ThreadNote = emptyThreadNote;
  #isRecorded = false;
  #epoch: string | undefined;
  /** How often a session was opened, or prompted. */
  #uses = 0;

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

  /** The note as it is to be left in the microVM: JSON text. What there is no room for is forgotten here, too. */
  noteToLeave(): string {
    const text = JSON.stringify(this.#note);
    if (Buffer.byteLength(text) <= maxNoteBytes) return text;
    this.#note = pruned(this.#note, this.#epoch);
    return JSON.stringify(this.#note);
  }

  /** Whether there is a record of all the thread's sessions: one that is not in it was deleted, or never was. */
  get isRecorded(): boolean {
    return this.#isRecorded && this.#note.isPruned !== true;
  }

  /** Another life of the agent begins: it holds what the note says, and is at no turn but those that are in it. */
  beginEpoch(epoch: string, note: ThreadNote = emptyThreadNote): void {
    this.#epoch = epoch;
    this.recall(note);
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

  /** Whether a name of the client's is one that a bridge made. */
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

  /** The agent is to be asked for the session, until `endOpening`. */
  beginOpening(session: Session, asker: ClientCall | undefined): Opening {
    const opening: Opening = { is: 'opening', session, asker, held: [] };
    const entry = this.#byClientId.get(session.clientId);
    if (entry !== undefined) entry.opening = opening;
    // Its directory must not be forgotten meanwhile.
    if (session.agentId !== undefined) this.update(session.agentId, { used: (this.#uses += 1) });
    return opening;
  }

  /** The opening is over, well or not. Returns what waited for that. */
  endOpening(opening: Opening): Outgoing[] {
    const entry = this.#byClientId.get(opening.session.clientId);
    if (entry?.opening === opening) entry.opening = undefined;
    return opening.held.splice(0);
  }

  /** Those that are under way. */
  openings(): Opening[] {
    return [...this.#byClientId.values()].flatMap(({ opening }) => opening ?? []);
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
    const [opening] = this.openings();
    const clientId = opening?.session.clientId ?? this.#naming.clientIdOf(agentId);
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
    const session: Entry = { clientId, agentId: undefined, setup, isClosed: false, opening: undefined };
    this.#byClientId.set(clientId, session);
    const present = agentId === undefined ? this.#current : presentId(this.#note, agentId);
    if (present !== undefined) this.#name(session, present);
    return session;
  }

  /** What is known of the session that the agent has behind this one's name. */
  recordOf({ agentId }: Session): KnownSession | undefined {
    return agentId === undefined ? undefined : knownSession(this.#note, agentId);
  }

  /** The session's directory in the microVM. @param threadCwd Where nothing says otherwise */
  cwdOf(session: Session, threadCwd: string): string {
    return this.recordOf(session)?.cwd ?? session.setup.remoteCwd ?? threadCwd;
  }

  /**
   * The agent that runs now holds the session, under this name.
   *
   * @param result What it said of it: JSON text
   */
  opened(session: Session, agentId: string, result: string, threadCwd: string): void {
    this.#isRecorded = true;
    const last = session.agentId;
    const before = this.recordOf(session);
    const known: KnownSession = {
      cwd: this.cwdOf(session, threadCwd),
      // The client need not have named it to this bridge.
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

  /** The agent is at a turn of the session, under a request of this number. */
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

  /** Whether the agent that runs now holds the session. */
  isHeld(session: Session): boolean {
    return this.#epoch !== undefined && this.recordOf(session)?.epoch === this.#epoch;
  }

  /** Whether that agent is at a turn, for all we know. */
  get isTurnOpen(): boolean {
    return Object.values(this.#note.sessions).some(
      ({ epoch, turn }) => turn !== undefined && epoch === this.#epoch,
    );
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

/** Models and modes as most agents list them; of longer lists the microVM keeps none. */
const maxOpenedLength = 16_384;

/** An agent that speaks of more sessions than this is up to no good. */
const maxNames = 10_000;
