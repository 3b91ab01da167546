import type { Notification, Request } from '../../message/message.ts';
import type { Call } from './calls.ts';

/** A request or a notification on its way to the agent. */
export type Outgoing = Fresh | TakenBack;

/** As the client, or the bridge, wrote it. */
interface Fresh {
  readonly is: 'fresh';
  readonly line: Uint8Array;
  readonly message: Request | Notification;
  /** Undefined for a notification. */
  readonly call: Call | undefined;
  readonly sessionId: string | undefined;
}

/** As it would have gone to an agent that is no more. */
interface TakenBack {
  readonly is: 'taken-back';
  readonly line: Uint8Array;
  readonly call: Call | undefined;
  readonly sessionId: string | undefined;
  /** The agent's name of the session at that time. */
  readonly agentId: string | undefined;
}

/** The method of a request; undefined for a notification. */
export function methodOf({ call }: Outgoing): string | undefined {
  return call?.method;
}

/** A request as it goes to an agent, the first or the next. */
export function outgoing(call: Call, { line, message }: { line: Uint8Array; message: Request }): Outgoing {
  return { is: 'fresh', line, message, call, sessionId: call.sessionId };
}

export function bytesOf(lines: readonly Outgoing[]): number {
  return lines.reduce((sum, { line }) => sum + line.length, 0);
}
