import { unreadableAnswer } from '../../message/errors.ts';
import type { RpcError } from '../../message/json-rpc-errors.ts';
import { encodeText, parseObject, textAt } from '../../message/json-text.ts';
import { readMessage, type Request } from '../../message/message.ts';
import type { Outcome } from './calls.ts';

/** The outcome of a request of the bridge's own. */
export type Reply =
  /** JSON text. */
  | { readonly is: 'result'; readonly text: string }
  | { readonly is: 'error'; readonly error: RpcError }
  /** The agent is gone. */
  | { readonly is: 'lost'; readonly error: RpcError };

/** @param params JSON text */
export function question(method: string, params: string): { line: Uint8Array; message: Request } {
  const line = encodeText(`{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)},"params":${params}}`);
  const message = readMessage(line);
  if (message.is !== 'request') throw new TypeError(`no request could be made of ${method}`);
  return { line, message };
}

export function replyIn(outcome: Exclude<Outcome, { is: 'cancelled' }>): Reply {
  if (outcome.is === 'failed') return { is: 'lost', error: outcome.error };
  if (outcome.is === 'told') return { is: 'result', text: outcome.result };
  const { line, message } = outcome;
  const text = textAt(line, message.value);
  if (message.outcome === 'result') return { is: 'result', text };
  // Some agents write null in the place of an error object.
  const { code, message: said, data } = (parseObject(text) ?? {}) as Partial<RpcError>;
  return {
    is: 'error',
    error: {
      code: typeof code === 'number' ? code : unreadableAnswer.code,
      message: typeof said === 'string' ? said : unreadableAnswer.message,
      ...(data === undefined ? {} : { data }),
    },
  };
}
