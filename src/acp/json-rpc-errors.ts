import type { BridgeError } from '../base/errors.ts';
import { encodeJson } from './json-text.ts';

/** An error as JSON-RPC 2.0 has it. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Of JSON-RPC 2.0 and of ACP. -32000 and -32002 speak of the agent's own logins and sessions: they are its to give. */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  internalError: -32603,
  /** Given up at the caller's wish, or for a shutdown. */
  requestCancelled: -32800,
} as const;

/**
 * What the client is told of an error of the bridge's: what failed and what to do about it, and in `data` the same for
 * programs, with what `details` add. Keys of ours are prefixed, as ACP wants it of `_meta`.
 */
export function rpcError(error: BridgeError, details: Readonly<Record<string, unknown>> = {}): RpcError {
  const data = { code: error.code, retryable: error.retryable, remedy: error.remedy, ...details };
  return {
    code: error.code === 'closing' ? rpcCodes.requestCancelled : rpcCodes.internalError,
    message: error.explanation,
    data: Object.fromEntries(
      Object.entries(data).map(([name, value]) => [`agentcore-bridge/${name}`, value]),
    ),
  };
}

/** A line that answers the request whose id is this JSON text. */
export function errorResponse(id: string, error: RpcError): Uint8Array {
  return response(id, { error });
}

export function resultResponse(id: string, result: unknown): Uint8Array {
  return response(id, { result });
}

/** The id is put in as it is: as a number of JavaScript it could lose digits. */
function response(id: string, outcome: Readonly<Record<string, unknown>>): Uint8Array {
  const rest = encodeJson(outcome).subarray(1);
  const head = new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},`);
  const line = new Uint8Array(head.length + rest.length);
  line.set(head);
  line.set(rest, head.length);
  return line;
}
