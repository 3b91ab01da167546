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
}

/** What a bridge leaves in the microVM for those that come to the thread later. */
export interface ThreadNote {
  /** By the agent's ids. */
  readonly sessions: Readonly<Record<string, KnownSession>>;
  /** The session that a conversation of a chat goes on in. */
  readonly current?: string | undefined;
}

export const emptyThreadNote: ThreadNote = { sessions: {} };

/** Undefined for what is no note of ours: a microVM is not trusted to give back what was left in it. */
export function parseThreadNote(text: string | undefined): ThreadNote | undefined {
  if (text === undefined) return undefined;
  try {
    return readNote(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The id under which the agent has the session now that it, or an agent before it, once called `agentId`. */
export function presentId({ sessions }: ThreadNote, agentId: string): string {
  const seen = new Set<string>();
  let id = agentId;
  for (let next = sessions[id]?.became; next !== undefined && !seen.has(next); next = sessions[id]?.became) {
    seen.add(id);
    id = next;
  }
  return id;
}

/** The id that the session had when a client got to know it. */
export function firstId({ sessions }: ThreadNote, agentId: string): string {
  const entries = Object.entries(sessions);
  const seen = new Set<string>();
  let id = agentId;
  while (!seen.has(id)) {
    seen.add(id);
    id = entries.find(([, { became }]) => became === id)?.[0] ?? id;
  }
  return id;
}

/** Read by hand: a library for it would take longer to load than all the rest of the bridge, at every start. */
function readNote(value: unknown): ThreadNote | undefined {
  if (!isObject(value) || !isObject(value['sessions']) || !isTextOrNone(value['current'])) return undefined;
  const sessions: Record<string, KnownSession> = {};
  for (const [id, given] of Object.entries(value['sessions'])) {
    const session = readSession(given);
    if (session === undefined) return undefined;
    // An assignment to this name would not make a member.
    if (id !== '__proto__') sessions[id] = session;
  }
  return { sessions, ...present({ current: value['current'] }) };
}

function readSession(value: unknown): KnownSession | undefined {
  if (!isObject(value)) return undefined;
  const { cwd, localCwd, epoch, turn, became, opened } = value;
  if (typeof cwd !== 'string' || !isTextOrNone(localCwd) || !isTextOrNone(epoch)) return undefined;
  if (!isTextOrNone(became) || !isTextOrNone(opened)) return undefined;
  if (turn !== undefined && !Number.isFinite(turn)) return undefined;
  return { cwd, ...present({ localCwd, epoch, turn: turn as number | undefined, became, opened }) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** Without the members that are undefined. */
function present<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}
