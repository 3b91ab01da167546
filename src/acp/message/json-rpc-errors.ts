import type { BridgeError } from '../../base/errors.ts';
import { encodeText } from './json-text.ts';

/** An error object of JSON-RPC 2.0. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Codes of JSON-RPC 2.0 and of ACP. */
export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  internalError: -32603,
  /** There is no such session. */
  notFound: -32002,
  /** The agent wants a login first. Only agents send this code. */
  authRequired: -32000,
  /** The request was given up because the caller cancelled it, or for a shutdown. */
  requestCancelled: -32800,
} as const;

/**
 * The error object for an error of the bridge: what failed and what to do about it. `data` has the same for programs,
 * and `details`. The bridge's keys are prefixed, as ACP requires for `_meta`.
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

/** A line that answers a request with an error. `id` is JSON text. */
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

/** The id is inserted as text: as a number of JavaScript it could lose digits. */
function response(id: string, name: 'result' | 'error', value: string): Uint8Array {
  return encodeText(`{"jsonrpc":"2.0","id":${id},"${name}":${value}}`);
}
