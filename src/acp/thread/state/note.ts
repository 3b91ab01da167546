import { isObject, isObjectText, parseObject } from '../../message/json-text.ts';

/** What is known of one of an agent's sessions. */
export interface KnownSession {
  /** Its directory in the microVM: the same for ever, since agents refuse to load a session from another one. */
  readonly cwd: string;
  /** The client's own directory, where it named one. */
  readonly localCwd?: string | undefined;
  /** The epoch whose agent holds it. */
  readonly epoch?: string | undefined;
  /** Under which request the agent is at a turn of it, for all we know. */
  readonly turn?: number | undefined;
  /** The session that the agent has in its place, since it could not bring this one back. */
  readonly became?: string | undefined;
  /** What the agent answered when it was opened, as JSON text, where that is short. */
  readonly opened?: string | undefined;
  /** When it was used last, as a count of all such uses in the thread. */
  readonly used?: number | undefined;
}

/** What a bridge leaves in the microVM for those that come to the thread later. */
export interface ThreadNote {
  /** By the agent's ids. */
  readonly sessions: Readonly<Record<string, KnownSession>>;
  /** The session that a conversation of a chat goes on in. */
  readonly current?: string | undefined;
  /** Sessions that were not needed had to be left out, for there were too many. */
  readonly isPruned?: true | undefined;
}

export const emptyThreadNote: ThreadNote = { sessions: {} };

/** Undefined for what is no note of ours: a microVM is not trusted to give back what was left in it. */
export function parseThreadNote(text: string | undefined): ThreadNote | undefined {
  const note = text === undefined ? undefined : parseObject(text);
  return note && readNote(note);
}

/** What is known of a session, which may have any name, that of a member of every object included. */
export function knownSession({ sessions }: ThreadNote, agentId: string): KnownSession | undefined {
  return Object.hasOwn(sessions, agentId) ? sessions[agentId] : undefined;
}

/** The id under which the agent has the session now that it, or an agent before it, once called `agentId`. */
export function presentId(note: ThreadNote, agentId: string): string {
  return lastOf(agentId, (id) => knownSession(note, id)?.became);
}

/** Gives the id that a session had when a client got to know it. A note may have many sessions: it is read once. */
export function firstIds({ sessions }: ThreadNote): (agentId: string) => string {
  const before = new Map<string, string>();
  for (const [id, { became }] of Object.entries(sessions)) {
    if (became !== undefined && !before.has(became)) before.set(became, id);
  }
  return (agentId) => lastOf(agentId, (id) => before.get(id));
}

/** Where the steps from an id lead, which a hostile note may have go round in circles. */
function lastOf(start: string, next: (id: string) => string | undefined): string {
  const seen = new Set<string>();
  let id = start;
  for (let other = next(id); other !== undefined && !seen.has(other); other = next(id)) {
    seen.add(id);
    id = other;
  }
  return id;
}

/** Read by hand: a library for it would take longer to load than all the rest of the bridge, at every start. */
function readNote(value: Readonly<Record<string, unknown>>): ThreadNote | undefined {
  if (!isObject(value['sessions']) || !isTextOrNone(value['current'])) return undefined;
  const sessions: Record<string, KnownSession> = {};
  for (const [id, given] of Object.entries(value['sessions'])) {
    const session = readSession(given);
    if (session === undefined) return undefined;
    // An assignment to this name would not make a member.
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
  // It is put into an answer as it is.
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

/** Without the members that are undefined. */
function present<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}
