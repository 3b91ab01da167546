import { inRemoteDirectory } from '../../client/remote-view.ts';
import { replacing } from '../../message/json-text.ts';
import { renamed } from '../../message/session-text.ts';
import type { Outgoing } from '../state/outgoing.ts';

/**
 * A line in the terms of the current agent: its ids of sessions, directories of the microVM, and the bridge's request id.
 *
 * @param names the agent's id of each session that the client calls by another one
 * @param remoteCwd maps a directory of the client's to one in the microVM
 */
export function inAgentTerms(
  { line, message, call }: Outgoing,
  names: ReadonlyMap<string, string>,
  remoteCwd: (localCwd: string) => string,
): Uint8Array {
  const own = inRemoteDirectory(line, message, remoteCwd);
  if (message.is === 'request' && call !== undefined) own.push(replacing(message.id, String(call.number)));
  return renamed(line, message.params, names, own);
}
