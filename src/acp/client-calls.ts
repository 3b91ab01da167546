import type { AgentLink } from '../agent/agent-link.ts';
import type { Log } from '../base/log.ts';
import type { ClientOutput } from './client-output.ts';
import { HeldLines } from './held-lines.ts';
import { errorResponse, resultResponse, rpcCodes, type RpcError } from './json-rpc-errors.ts';
import { memberOf, type Span, stringAt } from './json-scanner.ts';
import { replacing, textAt } from './json-text.ts';
import { type Notification, readMessage, type Request } from './message.ts';
import { inRemoteTerms, namesLocalThings } from './remote-view.ts';
import { OpenRequests } from './request-ids.ts';
import { type Edit, splice } from './splice.ts';
import type { ThisLife } from './this-life.ts';

export interface ClientCallsOptions {
  readonly link: AgentLink;
  readonly thisLife: ThisLife;
  readonly toClient: ClientOutput;
  /** The first of the numbers that the agent knows the requests by. */
  readonly firstNumber: number;
  readonly log: Log;
}

/** What the client asks and tells the agent. Each request is here until it is answered, which it is exactly once. */
export class ClientCalls {
  readonly #options: ClientCallsOptions;
  readonly #link: AgentLink;
  readonly #open: OpenRequests<ClientRequest>;
  /** What came before the thread's directory was known, from the first line on that speaks of one. */
  readonly #held = new HeldLines();
  readonly #release = Promise.withResolvers<void>();
  #state: State = { is: 'before-agent' };
  #initialize: Initialize | undefined;

  constructor(options: ClientCallsOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#open = new OpenRequests(options.firstNumber);
  }

  /** Bytes that wait for the thread's directory to be known. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Resolves when nothing waits for the thread's directory any more. */
  async released(): Promise<void> {
    if (!this.#held.isEmpty) await this.#release.promise;
  }

  request(line: Uint8Array, message: Request): void {
    if (this.#state.is === 'over') {
      this.#options.toClient.add(errorResponse(textAt(line, message.id), this.#state.error));
    } else if (this.#mustWait(line, message)) {
      this.#held.add(line);
      this.#link.attach();
    } else {
      this.#send(line, message);
    }
  }

  notify(line: Uint8Array, message: Notification): void {
    if (this.#state.is === 'over') return;
    if (message.method === 'session/cancel') this.#cancelTurn(line, message.params);
    else if (message.method === '$/cancel_request') this.#cancelRequest(line, message.params);
    else if (this.#mustWait(line, message)) this.#held.add(line);
    else this.#link.send(line);
  }

  /** Passes on the agent's answer. */
  answer(line: Uint8Array, id: Span): void {
    const request = this.#open.close(textAt(line, id));
    if (request === undefined) {
      this.#options.log.debug('the agent answered a request that is not open: dropped');
    } else if (request.id !== ours) {
      this.#options.toClient.add(splice(line, [replacing(id, request.id)]));
    }
  }

  /** What should have been the agent's answer is of no use: the client must not wait for it. */
  fail(line: Uint8Array, id: Span, error: RpcError): void {
    const request = this.#open.close(textAt(line, id));
    if (request !== undefined) this.#answerAll([request.id], error);
  }

  /** Edits that name the client's own request where an elicitation of the agent's belongs to one. */
  ownIds(line: Uint8Array, { method, params }: Request | Notification): Edit[] {
    const span = method.startsWith('elicitation/') ? requestIdIn(line, params) : undefined;
    if (span === undefined) return [];
    const request = this.#open.get(Number(textAt(line, span)));
    return request === undefined ? [] : [replacing(span, request.id)];
  }

  /**
   * An agent runs, in that directory. One that follows another gets the client's `initialize` first, as it knows nothing
   * of what the client said of itself to the last one; the answer is for nobody.
   */
  begin(cwd: string, lostThrough: number): void {
    this.#state = { is: 'open', cwd };
    const last = this.#initialize;
    if (last !== undefined && (last.isRepeated || last.ticket <= lostThrough)) {
      if (last.isRepeated) this.#link.withdraw(last.ticket);
      const ticket = this.#link.send(this.#forAgent(last.line, last.message), { urgent: true });
      this.#open.open({ id: ours, ticket });
      this.#initialize = { ...last, ticket, isRepeated: true };
    }
    for (const line of this.#held.takeAll()) {
      const message = readMessage(line);
      if (message.is === 'request') this.#send(line, message);
      else this.#link.send(line);
    }
    this.#release.resolve();
  }

  /** Answers what an agent that is gone had got, by the last ticket of it. */
  lose(lostThrough: number, error: RpcError): void {
    this.#answerAll(
      this.#closeAll(({ id, ticket }) => ticket <= lostThrough || id === ours),
      error,
    );
  }

  /** Answers all that is open, and from now on all that comes. */
  giveUp(error: RpcError): void {
    this.#state = { is: 'over', error };
    this.#answerAll([...this.#closeAll(() => true), ...this.#held.takeRequests(() => true)], error);
    this.#release.resolve();
  }

  #mustWait(line: Uint8Array, message: Request | Notification): boolean {
    return this.#state.is === 'before-agent' && (!this.#held.isEmpty || namesLocalThings(line, message));
  }

  #send(line: Uint8Array, message: Request): void {
    const { id, method, params } = message;
    const ticket = this.#link.send(this.#forAgent(line, message));
    if (method === 'initialize') this.#initialize = { line, message, ticket, isRepeated: false };
    const promptOf = method === 'session/prompt' ? sessionIdIn(line, params) : undefined;
    this.#open.open({ id: textAt(line, id), ticket, promptOf });
  }

  /** The request as the agent gets it, under the next number. */
  #forAgent(line: Uint8Array, message: Request): Uint8Array {
    const cwd = this.#state.is === 'open' ? this.#state.cwd : undefined;
    const number = replacing(message.id, String(this.#open.next));
    return splice(line, [number, ...inRemoteTerms(line, message, cwd, this.#options.log)]);
  }

  /** A cancel overtakes everything. Of a prompt that has not gone out whole, the agent need never know. */
  #cancelTurn(line: Uint8Array, params: Span | undefined): void {
    const session = sessionIdIn(line, params);
    const isItsPrompt = ({ promptOf }: ClientRequest): boolean =>
      session !== undefined && promptOf === session;
    const withdrawn = [
      ...this.#held.takeRequests(
        ({ method, params }, held) =>
          session !== undefined && method === 'session/prompt' && sessionIdIn(held, params) === session,
      ),
      ...this.#closeAll((request) => isItsPrompt(request) && this.#link.withdraw(request.ticket)),
    ];
    for (const id of withdrawn) this.#options.toClient.add(resultResponse(id, { stopReason: 'cancelled' }));
    const isAgentAtIt = this.#open.entries().some(([, request]) => isItsPrompt(request));
    if (withdrawn.length === 0 || isAgentAtIt) this.#options.thisLife.send(line, { urgent: true });
  }

  #cancelRequest(line: Uint8Array, params: Span | undefined): void {
    const span = requestIdIn(line, params);
    if (span === undefined) return;
    const id = textAt(line, span);
    const withdrawn = [
      ...this.#held.takeRequests((message, held) => textAt(held, message.id) === id),
      ...this.#closeAll((request) => request.id === id && this.#link.withdraw(request.ticket)),
    ];
    this.#answerAll(withdrawn, neverSent);
    const number = this.#open.numberOf(id);
    if (number === undefined) return;
    this.#options.thisLife.send(splice(line, [replacing(span, String(number))]), { urgent: true });
  }

  /** Takes out the requests for which `isSo`. Returns their ids. */
  #closeAll(isSo: (request: ClientRequest) => boolean): string[] {
    return this.#open.closeAll(isSo).map(([, { id }]) => id);
  }

  #answerAll(ids: readonly string[], error: RpcError): void {
    for (const id of ids) if (id !== ours) this.#options.toClient.add(errorResponse(id, error));
  }
}

type State =
  /** No agent was heard of yet. */
  | { readonly is: 'before-agent' }
  /** The thread's directory is known. */
  | { readonly is: 'open'; readonly cwd: string }
  /** Every request gets this answer. */
  | { readonly is: 'over'; readonly error: RpcError };

interface ClientRequest {
  /** As the client wrote it, in JSON; {@link ours} for a request that the client knows nothing of. */
  readonly id: string;
  readonly ticket: number;
  /** The session whose turn it is. */
  readonly promptOf?: string | undefined;
}

/** The client's latest `initialize`. */
interface Initialize {
  /** As the client wrote it. */
  readonly line: Uint8Array;
  readonly message: Request;
  readonly ticket: number;
  /** Whether it was the bridge that sent it, to a later agent. */
  readonly isRepeated: boolean;
}

/** No JSON text. */
const ours = '';

const neverSent: RpcError = {
  code: rpcCodes.requestCancelled,
  message: 'Cancelled before it was sent to the agent.',
};

function sessionIdIn(line: Uint8Array, params: Span | undefined): string | undefined {
  return params && stringAt(line, memberOf(line, params, 'sessionId'));
}

function requestIdIn(line: Uint8Array, params: Span | undefined): Span | undefined {
  return params && memberOf(line, params, 'requestId');
}
