import type { Log } from '../../base/log.ts';
import type { ClientOutput, OutputLane } from './output.ts';
import { errorResponse, type RpcError } from '../message/json-rpc-errors.ts';
import { memberOf, type Span } from '../message/json-scanner.ts';
import { encodeJson, replacing, textAt } from '../message/json-text.ts';
import { OpenRequests } from './request-numbers.ts';
import { type Edit, splice } from '../message/splice.ts';

/** An agent that sends requests to the client. */
export interface Asker {
  readonly lane: OutputLane;
  /** Sends the agent a response that has the agent's own id. */
  reply(line: Uint8Array): void;
}

/**
 * The open requests of all agents to the client. The client gets them under numbers from 0: two agents may use the same
 * id, and some clients drop ids that are not integers.
 */
export class AgentRequests {
  readonly #toClient: ClientOutput;
  readonly #log: Log;
  readonly #open = new OpenRequests<AgentRequest>(0);

  constructor(toClient: ClientOutput, log: Log) {
    this.#toClient = toClient;
    this.#log = log;
  }

  /** Whether one of the agent's requests is open. */
  isOpen(asker: Asker): boolean {
    return this.#open.has((request) => request.asker === asker);
  }

  /** Offsets at which the agent's open requests begin in its epoch's output. */
  starts(asker: Asker): number[] {
    return this.#of(asker).map(([, { start }]) => start);
  }

  /** Adds a request, whose id is at `id`. Returns the edit that replaces the id by a number. */
  open(asker: Asker, line: Uint8Array, id: Span, start: number): Edit {
    return replacing(id, String(this.#open.open({ asker, id: textAt(line, id), start })));
  }

  /** Passes the client's response to the agent. */
  answer(line: Uint8Array, id: Span): void {
    const request = this.#open.close(textAt(line, id));
    if (request === undefined) {
      this.#log.debug('the client answered a request that is not open: dropped');
      return;
    }
    request.asker.reply(splice(line, [replacing(id, request.id)]));
    // The checkpoint changes, since one request less is open.
    request.asker.lane.report();
  }

  /** Answers the agent with an error, since the client's response is unusable and the agent must not wait for it. */
  fail(line: Uint8Array, id: Span | undefined, error: RpcError): void {
    const request = id && this.#open.close(textAt(line, id));
    request?.asker.reply(errorResponse(request.id, error));
  }

  /** Passes the agent's own `$/cancel_request` to the client, which still has to answer. */
  cancel(asker: Asker, line: Uint8Array, params: Span | undefined): void {
    const span = params && memberOf(line, params, 'requestId');
    if (span === undefined) return;
    const id = textAt(line, span);
    const [number] = this.#of(asker).find(([, request]) => request.id === id) ?? [];
    if (number !== undefined) asker.lane.add(splice(line, [replacing(span, String(number))]));
  }

  /** The agent is gone: cancels its open requests at the client. */
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
  /** The agent's id, as JSON text. */
  readonly id: string;
  /** Offset of the request's line in the epoch's output. */
  readonly start: number;
}
