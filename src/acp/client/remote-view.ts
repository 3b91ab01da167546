import { printable, type Log } from '../../base/log.ts';
import { elements, memberOf, members, type Span, stringAt } from '../message/json-scanner.ts';
import { replacing } from '../message/json-text.ts';
import type { Notification, Request } from '../message/message.ts';
import { type Edit, removeElements, removeMembers } from '../message/splice.ts';

/** How references to the client's machine are changed for the microVM. */
export interface RemoteViewOptions {
  /** Whether the agent may use the client's files, and the client's terminals. */
  readonly clientFs: boolean;
  readonly clientTerminal: boolean;
  /** Whether MCP servers that are local commands are dropped or kept. */
  readonly mcpStdio: 'drop' | 'keep';
  /**
   * Directories of the client and where they are in the microVM: absolute paths. The longest one that contains a path
   * counts.
   */
  readonly map: readonly { readonly local: string; readonly remote: string }[];
  readonly log: Log;
}

/**
 * Edits that remove from a request what exists only on the client's machine. From `initialize`: the client's files and
 * terminals, since the agent's are in the microVM, and logins in a terminal, which would log in on this machine. From
 * `session/new` and similar requests, with a warning: additional directories that nothing maps, and MCP servers that
 * are local commands.
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

/** Edits that replace the client's `cwd`, if the request has one, by a directory in the microVM. */
export function inRemoteDirectory(
  line: Uint8Array,
  { method, params }: Request | Notification,
  remoteCwd: (localCwd: string) => string,
): Edit[] {
  if (params === undefined || !maySpeakOfWorkspace(method)) return [];
  return members(line, params).flatMap(({ name, value }) => {
    // In `session/list`, null stands for all directories.
    const localCwd = name === 'cwd' ? stringAt(line, value) : undefined;
    return localCwd === undefined ? [] : [replacing(value, JSON.stringify(remoteCwd(localCwd)))];
  });
}

/** The directory in the microVM for one of the client's; undefined if nothing maps it. */
export function mappedPath(path: string, { map }: Pick<RemoteViewOptions, 'map'>): string | undefined {
  return pathAcross(
    path,
    map.map(({ local, remote }) => [local, remote]),
  );
}

/** The client's directory for one in the microVM; undefined if nothing maps to it. */
export function localPath(path: string, { map }: Pick<RemoteViewOptions, 'map'>): string | undefined {
  return pathAcross(
    path,
    map.map(({ local, remote }) => [remote, local]),
  );
}

/** @param pairs directories on this side and on the other; the longest one that contains the path counts */
function pathAcross(path: string, pairs: readonly (readonly [string, string])[]): string | undefined {
  const fits = pairs.filter(([here]) => path === here || path.startsWith(withSlash(here)));
  const [best] = fits.toSorted(([a], [b]) => b.length - a.length);
  if (best === undefined) return undefined;
  const [here, there] = best;
  const rest = path.slice(withSlash(here).length);
  return rest === '' ? there : `${withSlash(there)}${rest}`;
}

/** Prompts may be large and never name a directory, so they are not searched. */
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
    // The older form of `auth.terminal`.
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
