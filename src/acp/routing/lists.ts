import { elements, memberOf, stringAt, whole } from '../message/json-scanner.ts';
import { encodeText, replacing, textAt } from '../message/json-text.ts';
import { splice } from '../message/splice.ts';
import type { Thread } from '../thread/thread.ts';
import { knownSession } from '../thread/state/note.ts';

export interface ListOptions {
  /** The directory of the client's that it asks for; undefined for all. */
  readonly localCwd: string | undefined;
  /** An agent that has not answered by then is left out. */
  readonly withinMs: number;
}

/** The sessions of all agents that are there and can list them, as the result of `session/list`: JSON text, on one page. */
export async function listSessions(threads: readonly Thread[], options: ListOptions): Promise<string> {
  const listing = threads.filter(({ life }) => life.agent?.info?.canList === true);
  const lists = await Promise.all(
    listing.map((thread) => withDeadline(listThread(thread, options), options)),
  );
  return `{"sessions":[${lists.flat().join(',')}]}`;
}

async function listThread(thread: Thread, { localCwd }: ListOptions): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    const text = await listPage(thread, cursor);
    if (text === undefined) break;
    const line = encodeText(text);
    const sessions = memberOf(line, whole(line), 'sessions');
    for (const element of sessions === undefined ? [] : elements(line, sessions)) {
      const session = line.subarray(element.start, element.end);
      const id = memberOf(session, whole(session), 'sessionId');
      const agentId = stringAt(session, id);
      if (id === undefined || agentId === undefined) continue;
      const cwd = memberOf(session, whole(session), 'cwd');
      const known = knownSession(thread.sessions.note, agentId);
      if (localCwd !== undefined && known?.localCwd !== undefined && known.localCwd !== localCwd) continue;
      const edits = [replacing(id, JSON.stringify(thread.sessions.clientIdOf(agentId)))];
      if (cwd !== undefined && known?.localCwd !== undefined) {
        edits.push(replacing(cwd, JSON.stringify(known.localCwd)));
      }
      found.push(textAt(splice(session, edits)));
    }
    const next = memberOf(line, whole(line), 'nextCursor');
    cursor = next === undefined ? undefined : stringAt(line, next);
    if (cursor === undefined) break;
  }
  return found;
}

function listPage(thread: Thread, cursor: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    thread.toAgent.ask('session/list', params, (reply) =>
      resolve(reply.is === 'result' ? reply.text : undefined),
    );
  });
}

async function withDeadline(list: Promise<string[]>, { withinMs }: ListOptions): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), withinMs);
  });
  const result = await Promise.race([list, late]);
  clearTimeout(timer);
  return result;
}

/** An agent that gives more pages than this goes round in circles. */
const maxPages = 100;
