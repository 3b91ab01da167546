import type { Notification, Request } from '../../message/message.ts';
import type { Call } from './calls.ts';

/** A request or a notification for the agent, as the client or the bridge wrote it. */
export interface Outgoing {
  readonly line: Uint8Array;
  readonly message: Request | Notification;
  /** Undefined for a notification. */
  readonly call: Call | undefined;
  /** The client's id of the session that it is about. */
  readonly sessionId: string | undefined;
}

/** The method of a request; undefined for a notification. */
export function methodOf({ call }: Outgoing): string | undefined {
  return call?.method;
}

/** A call's request, to be sent to an agent. */
export function outgoing(call: Call, { line, message }: { line: Uint8Array; message: Request }): Outgoing {
  return { line, message, call, sessionId: call.sessionId };
}

export function bytesOf(lines: readonly { readonly line: Uint8Array }[]): number {
  return lines.reduce((sum, { line }) => sum + line.length, 0);
}
