import type { BridgeError } from '../../base/errors.ts';
import { encodeText } from './json-text.ts';

/** An error as JSON-RPC 2.0 has it. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Of JSON-RPC 2.0 and of ACP. */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  internalError: -32603,
  /** No such session. */
  notFound: -32002,
  /** The agent wants a login first: its own to give. */
  authRequired: -32000,
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
  return response(id, 'error', JSON.stringify(error));
}

export function resultResponse(id: string, result: unknown): Uint8Array {
  return response(id, 'result', JSON.stringify(result));
}

/** @param result JSON text */
export function resultTextResponse(id: string, result: string): Uint8Array {
  return response(id, 'result', result);
}

/** The id is put in as it is: as a number of JavaScript it could lose digits. */
function response(id: string, name: 'result' | 'error', value: string): Uint8Array {
  return encodeText(`{"jsonrpc":"2.0","id":${id},"${name}":${value}}`);
}
