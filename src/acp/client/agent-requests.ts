import type { Log } from '../../base/log.ts';
import type { ClientOutput, OutputLane } from './output.ts';
import { errorResponse, type RpcError } from '../message/json-rpc-errors.ts';
import { memberOf, type Span } from '../message/json-scanner.ts';
import { encodeJson, replacing, textAt } from '../message/json-text.ts';
import { OpenRequests } from './request-numbers.ts';
import { type Edit, splice } from '../message/splice.ts';

/** An agent that asks the client something. */
export interface Asker {
  readonly lane: OutputLane;
  /** Sends it the answer: a line with its own id in it. */
  reply(line: Uint8Array): void;
}

/**
 * The requests of all agents to the client, each until it is answered or withdrawn. The client knows them by numbers from 0:
 * two agents may both ask under id 0, and some clients drop ids that are no integers.
 */
export class AgentCalls {
  readonly #toClient: ClientOutput;
  readonly #log: Log;
  readonly #open = new OpenRequests<AgentRequest>(0);

  constructor(toClient: ClientOutput, log: Log) {
    this.#toClient = toClient;
    this.#log = log;
  }

  /** Where the agent's open ones begin in its epoch's output. */
  starts(asker: Asker): number[] {
    return this.#of(asker).map(([, { start }]) => start);
  }

  /** A request has come; `id` is where its id stands. Gives the edit that puts in its number. */
  open(asker: Asker, line: Uint8Array, id: Span, start: number): Edit {
    return replacing(id, String(this.#open.open({ asker, id: textAt(line, id), start })));
  }

  /** Passes on the client's answer. */
  answer(line: Uint8Array, id: Span): void {
    const request = this.#open.close(textAt(line, id));
    if (request === undefined) {
      this.#log.debug('the client answered a request that is not open: dropped');
      return;
    }
    request.asker.reply(splice(line, [replacing(id, request.id)]));
    // The place that the client has reached is another one now.
    request.asker.lane.report();
  }

  /** What should have been the client's answer is of no use: the agent must not wait for it. */
  fail(line: Uint8Array, id: Span | undefined, error: RpcError): void {
    const request = id && this.#open.close(textAt(line, id));
    request?.asker.reply(errorResponse(request.id, error));
  }

  /** Passes on the agent's own `$/cancel_request`. The client is still to answer. */
  cancel(asker: Asker, line: Uint8Array, params: Span | undefined): void {
    const span = params && memberOf(line, params, 'requestId');
    if (span === undefined) return;
    const id = textAt(line, span);
    const [number] = this.#of(asker).find(([, request]) => request.id === id) ?? [];
    if (number !== undefined) asker.lane.add(splice(line, [replacing(span, String(number))]));
  }

  /** The agent is gone: the client is told to forget what it had asked. */
  withdrawAll(asker: Asker): void {
    for (const [requestId] of this.#open.closeAll((request) => request.asker === asker)) {
      this.#toClient.add(encodeJson({ jsonrpc: '2.0', method: '$/cancel_request', params: { requestId } }));
    }
  }

  #of(asker: Asker): [number: number, request: AgentRequest][] {
    return this.#open.entries().filter(([, request]) => request.asker === asker);
  }
}

interface AgentRequest {
  readonly asker: Asker;
  /** As the agent wrote it, in JSON. */
  readonly id: string;
  /** Where its line begins in the epoch's output. */
  readonly start: number;
}
