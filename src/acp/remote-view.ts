import { printable, type Log } from '../base/log.ts';
import { elements, memberOf, members, type Span, stringAt } from './json-scanner.ts';
import { replacing } from './json-text.ts';
import type { Notification, Request } from './message.ts';
import { type Edit, removeElements, removeMembers } from './splice.ts';

/**
 * Edits that put what a request says of the client's machine in terms of the microVM. `initialize` no longer offers the
 * client's files and terminals, as the agent's are in the microVM. Of `session/new` and its kin `cwd` becomes the
 * thread's directory there; further directories, and MCP servers that are local commands, are dropped with a warning.
 *
 * @param cwd undefined as long as it is not known: then no such request may come
 */
export function inRemoteTerms(
  line: Uint8Array,
  { method, params }: Request,
  cwd: string | undefined,
  log: Log,
): Edit[] {
  if (params === undefined) return [];
  if (method === 'initialize') return withoutClientFiles(line, params);
  if (cwd === undefined || !maySpeakOfWorkspace(method)) return [];
  return members(line, params).flatMap(({ name, value }) => {
    // null asks session/list for all directories.
    if (name === 'cwd' && stringAt(line, value) !== undefined) return [replacing(value, JSON.stringify(cwd))];
    if (name === 'additionalDirectories') return withoutDirectories(line, value, log);
    if (name === 'mcpServers') return withoutLocalCommands(line, value, log);
    return [];
  });
}

/** Whether the thread's directory must be known before the message can go on. */
export function namesLocalThings(line: Uint8Array, { method, params }: Request | Notification): boolean {
  if (params === undefined || !maySpeakOfWorkspace(method)) return false;
  return members(line, params).some(({ name }) => workspaceMembers.has(name));
}

/** The params of a prompt, which may be large, don't. */
function maySpeakOfWorkspace(method: string): boolean {
  return method.startsWith('session/') && method !== 'session/prompt';
}

const workspaceMembers: ReadonlySet<string> = new Set(['cwd', 'additionalDirectories', 'mcpServers']);

function withoutClientFiles(line: Uint8Array, params: Span): Edit[] {
  const capabilities = memberOf(line, params, 'clientCapabilities');
  return capabilities === undefined ? [] : removeMembers(line, capabilities, ['fs', 'terminal']);
}

function withoutDirectories(line: Uint8Array, directories: Span, log: Log): Edit[] {
  const all = elements(line, directories);
  if (all.length > 0)
    log.warn('additional directories are paths of this machine: dropped', { count: all.length });
  return removeElements(line, directories, () => true);
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
