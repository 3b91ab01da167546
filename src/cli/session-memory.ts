import {
  accessSync,
  appendFileSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import process from 'node:process';
import type { ListedSession, SessionMemory } from '../acp/routing/session-memory.ts';
import type { Log } from '../base/log.ts';
import { fingerprint } from './fingerprint.ts';

export interface SessionMemoryOptions {
  /** Runtime, qualifier and user name the file: the same sessions belong to the same three. */
  readonly runtime: string;
  readonly qualifier: string;
  readonly command: string;
  /** Gives `XDG_STATE_HOME` and `HOME`. Default: this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}

/**
 * A file in `$XDG_STATE_HOME/agentcore-bridge/`, or `$HOME/.local/state/agentcore-bridge/`. It has a line of JSON for
 * each change of a thread, of which the last one counts. Several processes may append at once. The process that
 * rewrites the file, when it has grown, may drop a line of another one. Nothing throws: errors are logged at level
 * debug.
 */
export function sessionMemory({
  runtime,
  qualifier,
  command,
  env = process.env,
  log,
}: SessionMemoryOptions): SessionMemory {
  const directory = stateDirectory(env);
  if (directory === undefined) {
    log.debug('no place for a list of sessions: neither XDG_STATE_HOME nor HOME is an absolute path');
    return { isKept: () => false, remember: () => undefined, recall: () => new Map() };
  }
  const file = join(directory, `sessions-${fingerprint([runtime, qualifier, command])}.jsonl`);
  /** By thread: the line that this process wrote last. */
  const written = new Map<string, string>();
  const tried = <T>(what: string, otherwise: T, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      if (code !== 'ENOENT') log.debug(`the list of sessions can not be ${what}`, { file, error: code });
      return otherwise;
    }
  };
  const recall = (): Map<string, readonly ListedSession[]> =>
    tried('read', new Map(), () => readLines(readFileSync(file, 'utf8')));
  return {
    recall,
    isKept: () =>
      tried('kept', false, () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        accessSync(directory, constants.W_OK);
        return true;
      }),
    remember: (key, sessions) => {
      const line = `${JSON.stringify({ key, sessions })}\n`;
      if (line === written.get(key) || (sessions.length === 0 && !written.has(key))) return;
      written.set(key, line);
      tried('written', undefined, () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        appendFileSync(file, line, { mode: 0o600 });
        if (statSync(file).size > maxBytes) rewrite(file, recall());
      });
    },
  };
}

/** The XDG base directory specification: a relative path must be ignored. */
function stateDirectory({
  XDG_STATE_HOME = '',
  HOME = '',
}: Readonly<Record<string, string | undefined>>): string | undefined {
  if (isAbsolute(XDG_STATE_HOME)) return join(XDG_STATE_HOME, 'agentcore-bridge');
  return isAbsolute(HOME) ? join(HOME, '.local', 'state', 'agentcore-bridge') : undefined;
}

/** Enough for several hundred threads. */
const maxBytes = 256 * 1024;

/** Ignores lines that are damaged or cut off. */
function readLines(text: string): Map<string, readonly ListedSession[]> {
  const threads = new Map<string, readonly ListedSession[]>();
  for (const line of text.split('\n').toReversed()) {
    const thread = readLine(line);
    if (thread !== undefined && !threads.has(thread.key)) threads.set(thread.key, thread.sessions);
  }
  return threads;
}

function readLine(line: string): { key: string; sessions: readonly ListedSession[] } | undefined {
  try {
    const { key, sessions } = JSON.parse(line) as { key?: unknown; sessions?: unknown };
    if (typeof key !== 'string' || !Array.isArray(sessions) || !sessions.every(isSession)) return undefined;
    return { key, sessions: sessions.map(({ sessionId, cwd }) => ({ sessionId, cwd })) };
  } catch {
    return undefined;
  }
}

function isSession(value: unknown): value is ListedSession {
  const { sessionId, cwd } = (value ?? {}) as Partial<Record<string, unknown>>;
  return typeof sessionId === 'string' && typeof cwd === 'string';
}

/** Keeps only the last line of each of the latest threads, in half of the file's largest size. */
function rewrite(file: string, threads: ReadonlyMap<string, readonly ListedSession[]>): void {
  const lines: string[] = [];
  let bytes = 0;
  for (const [key, sessions] of threads) {
    if (sessions.length === 0) continue;
    const line = `${JSON.stringify({ key, sessions })}\n`;
    bytes += Buffer.byteLength(line);
    if (bytes > maxBytes / 2) break;
    lines.unshift(line);
  }
  const unfinished = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    writeFileSync(unfinished, lines.join(''), { mode: 0o600, flag: 'wx' });
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}
