import type { RemoteViewOptions } from '../client/remote-view.ts';
import { resultResponse } from '../message/json-rpc-errors.ts';
import { textAt } from '../message/json-text.ts';
import type { Request } from '../message/message.ts';
import type { Purpose } from './state/calls.ts';
import { outgoing } from './state/outgoing.ts';
import { readSetup } from './state/session-setup.ts';
import type { Thread } from './thread.ts';

export interface ClientRequestsOptions {
  readonly thread: Thread;
  readonly remote: RemoteViewOptions;
}

/** Enters the client's requests to one thread. */
export class ClientRequests {
  readonly #thread: Thread;
  readonly #remote: RemoteViewOptions;

  constructor({ thread, remote }: ClientRequestsOptions) {
    this.#thread = thread;
    this.#remote = remote;
  }

  /**
   * @param line A request in the microVM's terms, but for names and `cwd`
   * @param sessionId The client's name of the session that it is about
   */
  request(line: Uint8Array, message: Request, sessionId: string | undefined): void {
    const { calls, isBegun, lane, toAgent } = this.#thread;
    const { method } = message;
    const id = textAt(line, message.id);
    if (method === 'session/close' && !isBegun) {
      lane.add(resultResponse(id, {}));
      return;
    }
    const purpose = purposeOf(line, message, sessionId, this.#remote);
    // Prompts may be large: they go to another agent as the link gives them back.
    const request = method === 'session/prompt' ? undefined : { line, message };
    const call = calls.add({ kind: 'client', id, method, sessionId, purpose, request });
    toAgent.submit(outgoing(call, { line, message }));
  }

  /** Repeats to the agent a request that the client has an answer to. */
  repeat(line: Uint8Array, message: Request, sessionId: string): void {
    const { calls, toAgent } = this.#thread;
    const request = { line, message };
    const { method } = message;
    const onSettled = (): void => undefined;
    const call = calls.add({ kind: 'own', purpose: 'repeat', method, sessionId, request, onSettled });
    toAgent.submit(outgoing(call, request));
  }
}

function purposeOf(
  line: Uint8Array,
  message: Request,
  sessionId: string | undefined,
  remote: RemoteViewOptions,
): Purpose {
  const { method, params } = message;
  if (method === 'session/new' || method === 'session/fork') {
    return { is: 'new', setup: readSetup(line, params, remote), parent: sessionId };
  }
  if (method === 'authenticate') return { is: 'authenticate', request: { line, message } };
  if (method === 'logout') return { is: 'logout' };
  if (sessionId === undefined) return { is: 'other' };
  switch (method) {
    case 'session/prompt':
      return { is: 'prompt', sessionId };
    case 'session/load':
    case 'session/resume':
      return { is: 'reopen', sessionId, setup: readSetup(line, params, remote) };
    case 'session/close':
      return { is: 'close', sessionId };
    case 'session/delete':
      return { is: 'delete', sessionId };
    default:
      return { is: 'other' };
  }
}
