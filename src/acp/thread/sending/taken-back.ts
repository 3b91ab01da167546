import type { AgentLink } from '../../../agent/agent-link.ts';
import { memberOf, stringAt } from '../../message/json-scanner.ts';
import { readMessage } from '../../message/message.ts';
import type { OpenCalls } from '../calls.ts';
import { type Outgoing, ours } from '../outgoing.ts';
import type { ThisLife } from './this-life.ts';
import type { ThreadSessions } from '../sessions.ts';

/** What the link had not sent to an agent that is gone, and the next one is to get: all but what only that one was to. */
export function takenBack(
  link: AgentLink,
  thisLife: ThisLife,
  calls: OpenCalls,
  sessions: ThreadSessions,
): Outgoing[] {
  return link.takeBack().flatMap(({ ticket, line }): Outgoing[] => {
    if (thisLife.has(ticket)) return [];
    const [number, call] = calls.withTicket(ticket) ?? [];
    if (call === undefined || number === undefined) return [notification(line, sessions)];
    if (call.id === ours && call.again === undefined) return [];
    call.ticket = undefined;
    if (call.again !== undefined) return [call.again];
    const { method, sessionId } = call;
    const agentId = sessionId === undefined ? undefined : sessions.find(sessionId)?.agentId;
    return [{ is: 'taken-back', line, method, number, sessionId, agentId }];
  });
}

/** It waits, as a request would, until the next agent holds its session. */
function notification(line: Uint8Array, sessions: ThreadSessions): Outgoing {
  const message = readMessage(line);
  const params = message.is === 'notification' ? message.params : undefined;
  const agentId = stringAt(line, memberOf(line, params, 'sessionId'));
  const sessionId = agentId === undefined ? undefined : sessions.withAgentId(agentId)?.clientId;
  return { is: 'taken-back', line, method: '', number: undefined, sessionId, agentId };
}
