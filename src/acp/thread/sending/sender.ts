import type { AgentLink } from '../../../agent/agent-link.ts';
import type { Calls } from '../state/calls.ts';
import type { Outgoing } from '../state/outgoing.ts';
import { whole } from '../../message/json-scanner.ts';
import { replacing } from '../../message/json-text.ts';
import { inRemoteDirectory } from '../../client/remote-view.ts';
import { renamed } from '../../message/session-text.ts';
import type { Sessions } from '../state/sessions.ts';

export interface SenderOptions {
  readonly link: AgentLink;
  readonly calls: Calls;
  readonly sessions: Sessions;
}

/** Gives lines to the link in the agent's terms: its ids of sessions, its directories, the bridge's request numbers. */
export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** @param remoteCwd returns the directory in the microVM for one of the client's */
  send(outgoing: Outgoing, remoteCwd: (localCwd: string) => string): void {
    const { link, calls } = this.#options;
    const { call } = outgoing;
    // The request was answered while it waited.
    if (call !== undefined && !calls.has(call)) return;
    const line =
      outgoing.is === 'fresh' ? this.#inAgentTerms(outgoing, remoteCwd) : this.#inNewTerms(outgoing);
    const ticket = link.send(line);
    if (call !== undefined) call.state = { is: 'sent', ticket };
  }

  #inAgentTerms(
    { line, message, call }: Extract<Outgoing, { is: 'fresh' }>,
    remoteCwd: (localCwd: string) => string,
  ): Uint8Array {
    const own = inRemoteDirectory(line, message, remoteCwd);
    if (message.is === 'request' && call !== undefined) own.push(replacing(message.id, String(call.number)));
    return renamed(line, message.params, this.#options.sessions.toAgent, own);
  }

  /** A line that was written for an earlier agent. The next agent may have another id for the session. */
  #inNewTerms({ line, sessionId, agentId }: Extract<Outgoing, { is: 'taken-back' }>): Uint8Array {
    const now = sessionId === undefined ? undefined : this.#options.sessions.find(sessionId)?.agentId;
    if (agentId === undefined || now === undefined || agentId === now) return line;
    return renamed(line, whole(line), new Map([[agentId, now]]));
  }
}
