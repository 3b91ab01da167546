import type { Repeated } from '../client/introduction.ts';
import type { RemoteViewOptions } from '../client/remote-view.ts';
import { resultResponse } from '../message/json-rpc-errors.ts';
import { textAt } from '../message/json-text.ts';
import type { Request } from '../message/message.ts';
import type { Purpose } from './state/calls.ts';
import { type Outgoing, outgoing } from './state/outgoing.ts';
import { readSetup } from './state/session-setup.ts';
import type { Thread } from './thread.ts';

export interface ClientRequestsOptions {
  readonly thread: Thread;
  readonly remote: RemoteViewOptions;
}

/** Makes calls of the client's requests to one thread, and sends them on. */
export class ClientRequests {
  readonly #thread: Thread;
  readonly #remote: RemoteViewOptions;

  constructor({ thread, remote }: ClientRequestsOptions) {
    this.#thread = thread;
    this.#remote = remote;
  }

  /**
   * @param line a request in the microVM's terms, except for ids of sessions and `cwd`
   * @param sessionId the client's id of its session
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
    const call = calls.add({ kind: 'client', id, method, sessionId, purpose });
    toAgent.submit(outgoing(call, { line, message }));
  }

  /** Sends the agent a request again that the client has an answer to, or gets from another agent. */
  repeat(request: Repeated, sessionId: string): void {
    this.#thread.toAgent.submit(this.#repeated(request, sessionId));
  }

  /**
   * As `repeat`, to an agent that runs, for a request about no session. If its shell was let go of, the request waits
   * until another line is sent there.
   */
  repeatToLiving(request: Repeated): void {
    const { life, toAgent } = this.#thread;
    if (life.hasAgent || toAgent.isWaiting) toAgent.submitInPassing(this.#repeated(request, undefined));
  }

  #repeated(request: Repeated, sessionId: string | undefined): Outgoing {
    const { method } = request.message;
    const onSettled = (): void => undefined;
    const call = this.#thread.calls.add({ kind: 'own', purpose: 'repeat', method, sessionId, onSettled });
    return outgoing(call, request);
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
  if (method === 'authenticate' || method === 'logout') return { is: method, request: { line, message } };
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
