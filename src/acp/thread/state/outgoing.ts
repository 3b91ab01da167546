import type { Notification, Request } from '../../message/message.ts';
import type { Call } from './calls.ts';

/** A request or a notification on its way to the agent. */
export type Outgoing = Fresh | TakenBack;

/** As the client or the bridge wrote it. */
interface Fresh {
  readonly is: 'fresh';
  readonly line: Uint8Array;
  readonly message: Request | Notification;
  /** Undefined for a notification. */
  readonly call: Call | undefined;
  readonly sessionId: string | undefined;
}

/** In the terms of an earlier agent, to which it was not sent. */
interface TakenBack {
  readonly is: 'taken-back';
  readonly line: Uint8Array;
  readonly call: Call | undefined;
  readonly sessionId: string | undefined;
  /** That agent's id of the session. */
  readonly agentId: string | undefined;
}

/** The method of a request; undefined for a notification. */
export function methodOf({ call }: Outgoing): string | undefined {
  return call?.method;
}

/** A call's request, to be sent to an agent. */
export function outgoing(call: Call, { line, message }: { line: Uint8Array; message: Request }): Outgoing {
  return { is: 'fresh', line, message, call, sessionId: call.sessionId };
}

export function bytesOf(lines: readonly Outgoing[]): number {
  return lines.reduce((sum, { line }) => sum + line.length, 0);
}
