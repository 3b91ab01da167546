import type { AgentInput, AgentLink, AgentLinkEvents, Provisions } from '../../agent/agent-link.ts';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AgentRequests } from '../client/agent-requests.ts';
import type { CancelPolicy } from './sending/cancels.ts';
import type { ClientOutput } from '../client/output.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import type { RemoteViewOptions } from '../client/remote-view.ts';
import type { SessionNaming } from './state/sessions.ts';

/** Why a session could not be opened: the agent wants a login first, or another reason. */
export type NoSession = 'login' | 'other';

export interface ThreadPolicy {
  readonly cancel: CancelPolicy;
  /** How long nothing must be open before the shell is let go of, in milliseconds; 0: never. */
  readonly idleDetachMs: number;
  /** Whether users are told that a workspace is starting. */
  readonly progress: boolean;
}

export interface ThreadOptions {
  readonly naming: SessionNaming;
  readonly createLink: (input: AgentInput, events: AgentLinkEvents) => AgentLink;
  readonly toClient: ClientOutput;
  readonly agentRequests: AgentRequests;
  readonly introduction: Introduction;
  /** First of the numbers that the client's requests get towards the agent. */
  readonly firstNumber: number;
  readonly policy: ThreadPolicy;
  readonly remote: RemoteViewOptions;
  /** The agent has opened a session; `clientId` is the client's name for it. */
  readonly onSession: (clientId: string) => void;
  /** The note on the sessions was left in the microVM. */
  readonly onNoted: () => void;
  /** A session that the client asked for could not be opened. */
  readonly onNoSession: (why: NoSession) => void;
  /** The agent has accepted `authenticate` or `logout`. */
  readonly onLogin: (request: Repeated) => void;
  /** The agent used the id of a session that was never opened by that id: a subagent's. */
  readonly onStranger: (sessionId: string) => void;
  /** What the microVM provides for its agent. */
  readonly onProvisions: (provisions: Provisions) => void;
  /** The thread has failed; all its open requests are answered. */
  readonly onFailed: (error: BridgeError) => void;
  readonly log: Log;
}
