import { localPath, mappedPath, type RemoteViewOptions } from '../client/remote-view.ts';
import { elements, memberOf, stringAt, whole } from '../message/json-scanner.ts';
import { encodeText, replacing, textAt } from '../message/json-text.ts';
import { splice } from '../message/splice.ts';
import { knownSession } from '../thread/state/note.ts';
import type { Thread } from '../thread/thread.ts';
import type { PooledThread } from './pool.ts';
import { type ListedSession, type SessionMemory, sessionsOf } from './session-memory.ts';

export interface ListOptions {
  /** The client's directory whose sessions are asked for; undefined for all. */
  readonly localCwd: string | undefined;
  /** How long agents have to answer. Of one that has not, the list has the sessions that the bridge knows. */
  readonly withinMs: number;
  readonly remote: Pick<RemoteViewOptions, 'map'>;
  readonly memory: SessionMemory;
  /** Whether the client can load a session of the thread with this key by this id. */
  readonly isReachable: (key: string, sessionId: string) => boolean;
}

/**
 * The sessions that the client can load, as the result of `session/list`: JSON text, on one page. Only agents that are
 * attached are asked, so that no microVM is woken. Of other threads the list has what this process knows, or else what
 * this machine remembers.
 */
export async function listSessions(threads: readonly PooledThread[], options: ListOptions): Promise<string> {
  const { localCwd, memory, remote, isReachable } = options;
  const known = new Map(memory.recall());
  const lists = await Promise.all(
    threads.map(async ({ key, thread }) => {
      const heard = await heardFrom(thread, options);
      const own = heard === undefined ? sessionsOf(thread, remote) : [];
      // Of a thread that was only begun here, more is remembered than this process knows.
      if (heard !== undefined || own.length > 0) known.delete(key);
      return heard ?? own.filter(fits(localCwd)).map((session) => JSON.stringify(session));
    }),
  );
  const remembered = [...known].flatMap(([key, sessions]) =>
    sessions.filter(({ sessionId }) => isReachable(key, sessionId)),
  );
  const all = [
    ...lists.flat(),
    ...remembered.filter(fits(localCwd)).map((session) => JSON.stringify(session)),
  ];
  return `{"sessions":[${all.join(',')}]}`;
}

function fits(localCwd: string | undefined): (session: ListedSession) => boolean {
  return ({ cwd }) => localCwd === undefined || cwd === localCwd;
}

/** The sessions that an agent lists in time; undefined if it does not, or can't be asked. */
async function heardFrom(thread: Thread, options: ListOptions): Promise<string[] | undefined> {
  const { life } = thread;
  if (!life.isAttached || life.agent?.info?.canList !== true) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), options.withinMs);
  });
  const result = await Promise.race([listThread(thread, options), late]);
  clearTimeout(timer);
  return result;
}

async function listThread(thread: Thread, options: ListOptions): Promise<string[] | undefined> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const text = await listPage(thread, cursor);
    if (text === undefined) return page === 0 ? undefined : found;
    const line = encodeText(text);
    const sessions = memberOf(line, whole(line), 'sessions');
    for (const { start, end } of sessions === undefined ? [] : elements(line, sessions)) {
      const session = inClientTerms(line.subarray(start, end), thread, options);
      if (session !== undefined) found.push(session);
    }
    const next = memberOf(line, whole(line), 'nextCursor');
    cursor = next === undefined ? undefined : stringAt(line, next);
    if (cursor === undefined) break;
  }
  return found;
}

/** Undefined for a value that is no session, or one of another directory. */
function inClientTerms(
  session: Uint8Array,
  thread: Thread,
  { localCwd, remote }: ListOptions,
): string | undefined {
  const id = memberOf(session, whole(session), 'sessionId');
  const agentId = stringAt(session, id);
  if (id === undefined || agentId === undefined) return undefined;
  const edits = [replacing(id, JSON.stringify(thread.sessions.clientIdOf(agentId)))];
  const cwd = memberOf(session, whole(session), 'cwd');
  const remoteCwd = stringAt(session, cwd);
  if (cwd !== undefined && remoteCwd !== undefined) {
    const isAskedFor =
      localCwd !== undefined && remoteCwd === (mappedPath(localCwd, remote) ?? thread.life.cwd);
    const told =
      knownSession(thread.sessions.note, agentId)?.localCwd ??
      (isAskedFor ? localCwd : localPath(remoteCwd, remote));
    if (localCwd !== undefined && told !== localCwd) return undefined;
    if (told !== undefined) edits.push(replacing(cwd, JSON.stringify(told)));
  }
  return textAt(splice(session, edits));
}

function listPage(thread: Thread, cursor: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    thread.toAgent.ask('session/list', params, (reply) =>
      resolve(reply.is === 'result' ? reply.text : undefined),
    );
  });
}

/** An agent that has more pages is taken to repeat itself. */
const maxPages = 100;
