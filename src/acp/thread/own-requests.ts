import { unreadableAnswer } from '../message/errors.ts';
import type { RpcError } from '../message/json-rpc-errors.ts';
import { encodeText, parseObject, textAt } from '../message/json-text.ts';
import { readMessage, type Request, type Response } from '../message/message.ts';
import { type Call, ours } from './outgoing.ts';

/** What became of a request of the bridge's own. */
export type Reply =
  /** JSON text. */
  | { readonly is: 'result'; readonly text: string }
  | { readonly is: 'error'; readonly error: RpcError }
  /** The agent is gone. */
  | { readonly is: 'lost'; readonly error: RpcError };

/** A request of the bridge's own. */
export function ownCall(method: string, onReply: (reply: Reply) => void): Call {
  return {
    id: ours,
    method,
    sessionId: undefined,
    ticket: undefined,
    answered: (line, message) => onReply(readReply(line, message)),
    failed: (error) => onReply({ is: 'lost', error }),
  };
}

/** @param params JSON text */
export function ownRequest(method: string, params: string): { line: Uint8Array; message: Request } {
  const line = encodeText(`{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":${params}}`);
  const message = readMessage(line);
  if (message.is !== 'request') throw new TypeError(`no request could be made of ${method}`);
  return { line, message };
}

export function readReply(line: Uint8Array, { outcome, value }: Response): Exclude<Reply, { is: 'lost' }> {
  const text = textAt(line, value);
  if (outcome === 'result') return { is: 'result', text };
  // Some agents write null where an error goes.
  const { code, message, data } = (parseObject(text) ?? {}) as Partial<RpcError>;
  return {
    is: 'error',
    error: {
      code: typeof code === 'number' ? code : unreadableAnswer.code,
      message: typeof message === 'string' ? message : unreadableAnswer.message,
      ...(data === undefined ? {} : { data }),
    },
  };
}
