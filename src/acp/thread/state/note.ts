import { isObject, isObjectText, parseObject } from '../../message/json-text.ts';

/** What the note has on one of an agent's sessions. */
export interface KnownSession {
  /**
   * The session's directory in the microVM. It never changes, since agents refuse to load a session from another one.
   */
  readonly cwd: string;
  /** The client's directory, if it named one. */
  readonly localCwd?: string | undefined;
  /** The epoch whose agent holds the session. */
  readonly epoch?: string | undefined;
  /** Number of the request under which the agent is at a turn of the session, as far as is known. */
  readonly turn?: number | undefined;
  /** Id of the session that replaced this one, which the agent could not bring back. */
  readonly became?: string | undefined;
  /** What the agent answered when the session was opened, as JSON text, unless that is long. */
  readonly opened?: string | undefined;
  /** When the session was last used: the value of a counter of such uses in the thread. */
  readonly used?: number | undefined;
}

/** What a bridge leaves in the microVM for later ones on this thread. */
export interface ThreadNote {
  /** By the agent's ids. */
  readonly sessions: Readonly<Record<string, KnownSession>>;
  /** The session in which a chat's conversation goes on. */
  readonly current?: string | undefined;
  /** Whether sessions were left out for lack of room. */
  readonly isPruned?: true | undefined;
}

export const emptyThreadNote: ThreadNote = { sessions: {} };

/** Reads a note. Returns undefined for one that is malformed: a microVM is not trusted to return it unchanged. */
export function parseThreadNote(text: string | undefined): ThreadNote | undefined {
  const note = text === undefined ? undefined : parseObject(text);
  return note && readNote(note);
}

/** What the note has on a session. Ids such as `toString`, which every object has as a member, are safe. */
export function knownSession({ sessions }: ThreadNote, agentId: string): KnownSession | undefined {
  return Object.hasOwn(sessions, agentId) ? sessions[agentId] : undefined;
}

/** The agent's current id of the session that it, or an agent before it, once called `agentId`. */
export function presentId(note: ThreadNote, agentId: string): string {
  return lastOf(agentId, (id) => knownSession(note, id)?.became);
}

/**
 * Returns a function that gives the id under which a client first knew a session. Reads the note once, since it may be
 * large.
 */
export function firstIds({ sessions }: ThreadNote): (agentId: string) => string {
  const before = new Map<string, string>();
  for (const [id, { became }] of Object.entries(sessions)) {
    if (became !== undefined && !before.has(became)) before.set(became, id);
  }
  return (agentId) => lastOf(agentId, (id) => before.get(id));
}

/** Follows steps from an id to the last one. A hostile note may have circles. */
function lastOf(start: string, next: (id: string) => string | undefined): string {
  const seen = new Set<string>();
  let id = start;
  for (let other = next(id); other !== undefined && !seen.has(other); other = next(id)) {
    seen.add(id);
    id = other;
  }
  return id;
}

/** Read by hand: loading a library for it would take longer than loading the rest of the bridge, at every start. */
function readNote(value: Readonly<Record<string, unknown>>): ThreadNote | undefined {
  if (!isObject(value['sessions']) || !isTextOrNone(value['current'])) return undefined;
  const sessions: Record<string, KnownSession> = {};
  for (const [id, given] of Object.entries(value['sessions'])) {
    const session = readSession(given);
    if (session === undefined) return undefined;
    // An assignment to this name would not create a member.
    if (id !== '__proto__') sessions[id] = session;
  }
  const isPruned = value['isPruned'] === true ? value['isPruned'] : undefined;
  return { sessions, ...present({ current: value['current'], isPruned }) };
}

function readSession(value: unknown): KnownSession | undefined {
  if (!isObject(value)) return undefined;
  const { cwd, localCwd, epoch, turn, became, opened, used } = value;
  if (typeof cwd !== 'string' || !isTextOrNone(localCwd) || !isTextOrNone(epoch)) return undefined;
  if (!isTextOrNone(became) || !isTextOrNone(opened)) return undefined;
  // It is put into an answer unchanged, so it must be an object.
  const opening = opened !== undefined && isObjectText(opened) ? opened : undefined;
  if (!isNumberOrNone(turn) || !isNumberOrNone(used)) return undefined;
  return { cwd, ...present({ localCwd, epoch, turn, became, opened: opening, used }) };
}

function isNumberOrNone(value: unknown): value is number | undefined {
  return value === undefined || Number.isFinite(value);
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** Leaves out members that are undefined. */
function present<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}
