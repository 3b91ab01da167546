import type { Log } from '../../base/log.ts';
import type { Initialized } from '../thread/agent-initialize.ts';
import { errorResponse, resultTextResponse } from '../message/json-rpc-errors.ts';
import { replacing, textAt } from '../message/json-text.ts';
import { splice } from '../message/splice.ts';

export interface ClientInitializeOptions {
  /** The client's id, as JSON text. */
  readonly id: string;
  /** How long the client can wait for the agent's answer. Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** The answer to give if no agent has answered in time: JSON text. */
  readonly standIn: () => string;
  /** Adapts an agent's answer for the client. Both are JSON text. */
  readonly adapt: (result: string) => string;
  readonly answer: (line: Uint8Array) => void;
  readonly log: Log;
}

/**
 * Answers a client's `initialize` once, with the agent's answer if that comes in time. Returns the function to call
 * with the agent's answer.
 */
export function answerInitialize(options: ClientInitializeOptions): (initialized: Initialized) => void {
  const { id, timeoutMs, standIn, adapt, answer, log } = options;
  let isAnswered = false;
  const onLate = (): void => {
    isAnswered = true;
    log.info('no agent has answered initialize in time: what is known of such agents takes its place');
    answer(resultTextResponse(id, adapt(standIn())));
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(onLate, timeoutMs);
  return (initialized) => {
    if (isAnswered) return;
    clearTimeout(timer);
    isAnswered = true;
    answer(response(id, initialized, adapt));
  };
}

function response(id: string, initialized: Initialized, adapt: (result: string) => string): Uint8Array {
  if (initialized.is === 'failed') return errorResponse(id, initialized.error);
  if (initialized.is === 'known') return resultTextResponse(id, adapt(initialized.result));
  const { line, message } = initialized;
  const edits = [replacing(message.id, id)];
  if (message.outcome === 'result') {
    const told = textAt(line, message.value);
    const adapted = adapt(told);
    if (adapted !== told) edits.push(replacing(message.value, adapted));
  }
  return splice(line, edits);
}
