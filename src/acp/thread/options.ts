import type { AgentLink, AgentLinkEvents, Provisions } from '../../agent/agent-link.ts';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AgentCalls } from '../client/agent-requests.ts';
import type { CancelPolicy } from './sending/cancels.ts';
import type { ClientOutput } from '../client/output.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import type { RemoteViewOptions } from '../client/remote-view.ts';
import type { SessionNaming } from './state/sessions.ts';

/** Why there is no session: the agent wants a login first, or something else. */
export type NoSession = 'login' | 'other';

export interface ThreadPolicy {
  readonly cancel: CancelPolicy;
  /** How long nothing must be open before the shell is let go; 0: never. */
  readonly idleDetachMs: number;
  /** Whether people are told that a workspace starts. */
  readonly progress: boolean;
}

export interface ThreadOptions {
  readonly naming: SessionNaming;
  readonly createLink: (events: AgentLinkEvents) => AgentLink;
  readonly toClient: ClientOutput;
  readonly agentCalls: AgentCalls;
  readonly introduction: Introduction;
  /** The first of the numbers that the agent knows the client's requests by. */
  readonly firstNumber: number;
  readonly policy: ThreadPolicy;
  readonly remote: RemoteViewOptions;
  /** The agent has opened a session that the client is to call so. */
  readonly onSession: (clientId: string) => void;
  /** What is known of the sessions was left in the microVM. */
  readonly onNoted: () => void;
  /** A session that the client asked for is not to be had. */
  readonly onNoSession: (why: NoSession) => void;
  /** The agent has accepted a login, or its end. */
  readonly onLogin: (request: Repeated) => void;
  /** The agent spoke of a session that was never opened by name. */
  readonly onStranger: (sessionId: string) => void;
  /** What the microVM has for its agent. */
  readonly onProvisions: (provisions: Provisions) => void;
  /** The thread is of no more use, and all that was open is answered. */
  readonly onFailed: (error: BridgeError) => void;
  readonly log: Log;
}
