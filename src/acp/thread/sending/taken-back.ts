import type { AgentLink } from '../../../agent/agent-link.ts';
import { memberOf, stringAt } from '../../message/json-scanner.ts';
import { readMessage } from '../../message/message.ts';
import type { Calls } from '../state/calls.ts';
import { type Outgoing, outgoing } from '../state/outgoing.ts';
import type { ThisLife } from './this-life.ts';
import type { Sessions } from '../state/sessions.ts';

/**
 * The lines that the link had not sent to the last agent and that go to the next one: all except those for the last
 * agent alone.
 */
export function takenBack(link: AgentLink, thisLife: ThisLife, calls: Calls, sessions: Sessions): Outgoing[] {
  return link.takeBack().flatMap(({ ticket, line }): Outgoing[] => {
    if (thisLife.has(ticket)) return [];
    const call = calls.withTicket(ticket);
    if (call === undefined) return [notification(line, sessions)];
    if (call.kind === 'own' && call.purpose !== 'repeat') return [];
    call.state = { is: 'waiting' };
    const { request, sessionId } = call;
    if (request !== undefined) return [outgoing(call, request)];
    const agentId = sessionId === undefined ? undefined : sessions.find(sessionId)?.agentId;
    return [{ is: 'taken-back', line, call, sessionId, agentId }];
  });
}

/** Such a line waits, as a request does, until the next agent holds its session. */
function notification(line: Uint8Array, sessions: Sessions): Outgoing {
  const message = readMessage(line);
  const params = message.is === 'notification' ? message.params : undefined;
  const agentId = stringAt(line, memberOf(line, params, 'sessionId'));
  const sessionId = agentId === undefined ? undefined : sessions.withAgentId(agentId)?.clientId;
  return { is: 'taken-back', line, call: undefined, sessionId, agentId };
}
