import type { Log } from '../base/log.ts';
import type { ClientOutput } from './client-output.ts';
import { errorResponse, type RpcError } from './json-rpc-errors.ts';
import { memberOf, type Span } from './json-scanner.ts';
import { encodeJson, replacing, textAt } from './json-text.ts';
import { OpenRequests } from './request-ids.ts';
import { type Edit, splice } from './splice.ts';
import type { ThisLife } from './this-life.ts';

export interface AgentCallsOptions {
  readonly thisLife: ThisLife;
  readonly toClient: ClientOutput;
  readonly log: Log;
}

/** The agent's requests to the client, each until it is answered or withdrawn. The client knows them by numbers from 0. */
export class AgentCalls {
  readonly #thisLife: ThisLife;
  readonly #toClient: ClientOutput;
  readonly #log: Log;
  readonly #open = new OpenRequests<AgentRequest>(0);

  constructor({ thisLife, toClient, log }: AgentCallsOptions) {
    this.#thisLife = thisLife;
    this.#toClient = toClient;
    this.#log = log;
  }

  /** Where the open ones begin in the epoch's output. */
  get starts(): number[] {
    return this.#open.entries().map(([, { start }]) => start);
  }

  /** A request has come; `id` is where its id stands. Gives the edit that puts in its number. */
  open(line: Uint8Array, id: Span, start: number): Edit {
    return replacing(id, String(this.#open.open({ id: textAt(line, id), start })));
  }

  /** Passes on the client's answer. */
  answer(line: Uint8Array, id: Span): void {
    const request = this.#open.close(textAt(line, id));
    if (request === undefined) {
      this.#log.debug('the client answered a request that is not open: dropped');
      return;
    }
    this.#thisLife.send(splice(line, [replacing(id, request.id)]));
    // The place that the client has reached is another one now.
    this.#toClient.schedule();
  }

  /** What should have been the client's answer is of no use: the agent must not wait for it. */
  fail(line: Uint8Array, id: Span | undefined, error: RpcError): void {
    const request = id && this.#open.close(textAt(line, id));
    if (request !== undefined) this.#thisLife.send(errorResponse(request.id, error));
  }

  /** Passes on the agent's own `$/cancel_request`. The client is still to answer. */
  cancel(line: Uint8Array, params: Span | undefined): void {
    const span = params && memberOf(line, params, 'requestId');
    if (span === undefined) return;
    const number = this.#open.numberOf(textAt(line, span));
    if (number !== undefined) this.#toClient.add(splice(line, [replacing(span, String(number))]));
  }

  /** The agent is gone: the client is told to forget what it had asked. */
  withdrawAll(): void {
    for (const [requestId] of this.#open.closeAll(() => true)) {
      this.#toClient.add(encodeJson({ jsonrpc: '2.0', method: '$/cancel_request', params: { requestId } }));
    }
  }
}

interface AgentRequest {
  /** As the agent wrote it, in JSON. */
  readonly id: string;
  /** Where its line begins in the epoch's output. */
  readonly start: number;
}
