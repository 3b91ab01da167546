import type { RpcError } from '../message/json-rpc-errors.ts';
import type { ReadyAgent } from './lifecycle.ts';
import type { Notification, Request, Response } from '../message/message.ts';

/** A request that the agent is to answer, from when the bridge has it until it is answered, which it is exactly once. */
export interface Call {
  /** As the client wrote it, in JSON; {@link ours} for a request of the bridge's own. */
  readonly id: string;
  readonly method: string;
  /** The client's name of the session that it is about. */
  readonly sessionId: string | undefined;
  /** The link's; undefined while the request waits. */
  ticket: number | undefined;
  /** For a request that is to open its session: does so, instead of simply being sent. */
  open?: (agent: ReadyAgent) => void;
  /** How it goes to another agent, where the one that it was for is gone: prompts, which may be large, as taken back. */
  again?: Outgoing;
  /** The agent's answer: the first of these two that is called is the last. */
  answered: (line: Uint8Array, message: Response) => void;
  failed: (error: RpcError) => void;
}

/** The id of a request that the client knows nothing of: no JSON text. */
export const ours = '';

/** A request or a notification on its way to the agent. */
export type Outgoing = Fresh | TakenBack;

/** As the client, or the bridge, wrote it. */
interface Fresh {
  readonly is: 'fresh';
  readonly line: Uint8Array;
  readonly message: Request | Notification;
  /** The number that the agent is to know the request by; undefined for a notification. */
  readonly number: number | undefined;
  readonly sessionId: string | undefined;
}

/** As it would have gone to an agent that is no more. */
interface TakenBack {
  readonly is: 'taken-back';
  readonly line: Uint8Array;
  readonly method: string;
  readonly number: number | undefined;
  readonly sessionId: string | undefined;
  /** The agent's name of the session at that time. */
  readonly agentId: string | undefined;
}

export function methodOf(outgoing: Outgoing): string {
  return outgoing.is === 'fresh' ? outgoing.message.method : outgoing.method;
}
