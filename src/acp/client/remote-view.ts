import { printable, type Log } from '../../base/log.ts';
import { elements, memberOf, members, type Span, stringAt } from '../message/json-scanner.ts';
import { replacing } from '../message/json-text.ts';
import type { Notification, Request } from '../message/message.ts';
import { type Edit, removeElements, removeMembers } from '../message/splice.ts';

/** How what a client says of its own machine is put in terms of the microVM. */
export interface RemoteViewOptions {
  /** Whether the agent may read and write files at the client's, and use its terminals. */
  readonly clientFs: boolean;
  readonly clientTerminal: boolean;
  /** What becomes of MCP servers that are commands. */
  readonly mcpStdio: 'drop' | 'keep';
  /** Directories of the client's and where they are in the microVM: absolute paths. The longest that fits counts. */
  readonly map: readonly { readonly local: string; readonly remote: string }[];
  readonly log: Log;
}

/**
 * Edits that take out of a request what only the client's machine has. `initialize` no longer offers the client's files and
 * terminals, as the agent's are in the microVM, nor a login in a terminal, which would log in this machine. Of `session/new` and its kin further directories that are mapped to
 * none, and MCP servers that are local commands, are dropped with a warning.
 */
export function inRemoteTerms(
  line: Uint8Array,
  { method, params }: Request | Notification,
  options: RemoteViewOptions,
): Edit[] {
  if (params === undefined) return [];
  if (method === 'initialize') return withoutClientMachine(line, params, options);
  if (!maySpeakOfWorkspace(method)) return [];
  return members(line, params).flatMap(({ name, value }) => {
    if (name === 'additionalDirectories') return mappedDirectories(line, value, options);
    if (name === 'mcpServers' && options.mcpStdio === 'drop') {
      return withoutLocalCommands(line, value, options.log);
    }
    return [];
  });
}

/** Edits that put a directory of the microVM in the place of the client's `cwd`, where a request names one. */
export function inRemoteDirectory(
  line: Uint8Array,
  { method, params }: Request | Notification,
  remoteCwd: (localCwd: string) => string,
): Edit[] {
  if (params === undefined || !maySpeakOfWorkspace(method)) return [];
  return members(line, params).flatMap(({ name, value }) => {
    // null asks session/list for all directories.
    const localCwd = name === 'cwd' ? stringAt(line, value) : undefined;
    return localCwd === undefined ? [] : [replacing(value, JSON.stringify(remoteCwd(localCwd)))];
  });
}

/** Where a directory of the client's is in the microVM; undefined if nothing maps it. */
export function mappedPath(path: string, { map }: Pick<RemoteViewOptions, 'map'>): string | undefined {
  return pathAcross(
    path,
    map.map(({ local, remote }) => [local, remote]),
  );
}

/** Which directory of the client's one in the microVM stands for; undefined if nothing maps to it. */
export function localPath(path: string, { map }: Pick<RemoteViewOptions, 'map'>): string | undefined {
  return pathAcross(
    path,
    map.map(({ local, remote }) => [remote, local]),
  );
}

/** @param pairs Directories on this side and on the other; the longest that fits counts */
function pathAcross(path: string, pairs: readonly (readonly [string, string])[]): string | undefined {
  const fits = pairs.filter(([here]) => path === here || path.startsWith(withSlash(here)));
  const [best] = fits.toSorted(([a], [b]) => b.length - a.length);
  if (best === undefined) return undefined;
  const [here, there] = best;
  const rest = path.slice(withSlash(here).length);
  return rest === '' ? there : `${withSlash(there)}${rest}`;
}

/** The params of a prompt, which may be large, don't. */
function maySpeakOfWorkspace(method: string): boolean {
  return method.startsWith('session/') && method !== 'session/prompt';
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}

function withoutClientMachine(line: Uint8Array, params: Span, options: RemoteViewOptions): Edit[] {
  const hidden = [...(options.clientFs ? [] : ['fs']), ...(options.clientTerminal ? [] : ['terminal'])];
  const capabilities = memberOf(line, params, 'clientCapabilities');
  const without = (object: Span | undefined, names: readonly string[]): Edit[] =>
    object === undefined ? [] : removeMembers(line, object, names);
  return [
    ...without(capabilities, hidden),
    ...without(memberOf(line, capabilities, 'auth'), ['terminal']),
    // What clients and agents used before `auth.terminal` was there.
    ...without(memberOf(line, capabilities, '_meta'), ['terminal-auth']),
    ...without(memberOf(line, params, '_meta'), ['terminal-auth']),
  ];
}

function mappedDirectories(line: Uint8Array, directories: Span, options: RemoteViewOptions): Edit[] {
  const remote = (element: Span): string | undefined => mappedPath(stringAt(line, element) ?? '', options);
  const all = elements(line, directories);
  const dropped = all.filter((element) => remote(element) === undefined);
  if (dropped.length > 0) {
    options.log.warn('additional directories are paths of this machine: dropped', { count: dropped.length });
  }
  return [
    ...removeElements(line, directories, (element) => remote(element) === undefined),
    ...all.flatMap((element) => {
      const path = remote(element);
      return path === undefined ? [] : [replacing(element, JSON.stringify(path))];
    }),
  ];
}

function withoutLocalCommands(line: Uint8Array, servers: Span, log: Log): Edit[] {
  return removeElements(line, servers, (server) => {
    const type = stringAt(line, memberOf(line, server, 'type'));
    if (type !== undefined && type !== 'stdio') return false;
    const name = stringAt(line, memberOf(line, server, 'name')) ?? '';
    log.warn('an MCP server is a command of this machine, which the microVM does not have: dropped', {
      server: printable(name.slice(0, 100)),
    });
    return true;
  });
}
