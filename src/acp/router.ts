import type { AgentExit, AgentLink, AgentLinkEvents, EpochEvent } from '../agent/agent-link.ts';
import type { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  agentCannotStart,
  agentExited,
  exitAnswer,
  invalidRequest,
  leaving,
  oversizedAnswer,
  parseError,
  unreadableAnswer,
} from './agent-errors.ts';
import { ClientOutput } from './client-output.ts';
import { HeldLines } from './held-lines.ts';
import { errorResponse, resultResponse, rpcCodes, rpcError, type RpcError } from './json-rpc-errors.ts';
import { memberOf, type Span, stringAt } from './json-scanner.ts';
import { encodeJson, replacing, textAt } from './json-text.ts';
import { type Invalid, type Notification, readHead, readMessage, type Request } from './message.ts';
import { inRemoteTerms, namesLocalThings } from './remote-view.ts';
import { firstRequestId, OpenRequests } from './request-ids.ts';
import { type Edit, splice } from './splice.ts';

export interface RouterOptions {
  /** The link to the agent of the one thread that this process serves. */
  readonly createLink: (events: AgentLinkEvents) => AgentLink;
  /** To the client: lines without their newlines. */
  readonly write: (lines: readonly Uint8Array[]) => void;
  /** The bridge is of no more use; all that was open is answered. */
  readonly onFatal: (error: BridgeError) => void;
  /** How the client's limit on the length of a message is raised: said where a message is over it. */
  readonly maxMessageHint: string;
  readonly log: Log;
  /** A number from 0 up to 1. */
  readonly random?: () => number;
}

/**
 * Between one client and one agent: request ids are exchanged in both directions, what names things of the client's
 * machine is put in terms of the microVM, and every request gets exactly one answer, whatever dies. All else crosses
 * byte for byte.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #log: Log;
  readonly #link: AgentLink;
  /** The client's, under the ids that the agent knows. */
  readonly #clientRequests: OpenRequests<ClientRequest>;
  /** The agent's, under the ids that the client knows. */
  readonly #agentRequests = new OpenRequests<AgentRequest>(0);
  #epoch: EpochEvent | undefined;
  /** What the client said before the thread's directory was known, from the first line on that speaks of one. */
  readonly #held = new HeldLines();
  readonly #heldReleased = Promise.withResolvers<void>();
  #initialize: Initialize | undefined;
  /** Tickets of answers to the agent, the latest ones. */
  #answers: number[] = [];
  readonly #toClient: ClientOutput;
  /** How much of the epoch's output is in `#toClient` or behind it. */
  #delivered = 0;
  #hasSpoken = false;
  #failure: BridgeError | undefined;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#clientRequests = new OpenRequests(firstRequestId((options.random ?? Math.random)()));
    this.#toClient = new ClientOutput(() => this.#acknowledge(), options.write);
    this.#link = options.createLink({
      onEpoch: (event) => this.#onEpoch(event),
      onLine: (line, start, end) => this.#fromAgent(line, start, end),
      onOversizedLine: (head, _start, end) => this.#oversizedFromAgent(head, end),
      onExit: (exit) => this.#onExit(exit),
      onState: (state) => this.#log.debug('the link to the agent', { state }),
      onFailed: (error) => this.#fail(error),
    });
  }

  /** One line of the client's, without its newline. */
  fromClient(line: Uint8Array): void {
    if (line.length === 0) return;
    const message = readMessage(line);
    switch (message.is) {
      case 'invalid':
        this.#refuse(line, message);
        return;
      case 'orphan':
        this.#log.debug('the client could not read a line');
        return;
      case 'response':
        this.#answerAgent(line, message.id);
        return;
      case 'notification':
        this.#notifyAgent(line, message);
        return;
      case 'request':
        if (this.#failure !== undefined) {
          this.#answerError(textAt(line, message.id), rpcError(this.#failure));
        } else if (this.#mustWait(line, message)) {
          this.#held.add(line);
          this.#link.attach();
        } else {
          this.#askAgent(line, message);
        }
    }
  }

  /** A line of the client's that was too long to be held; its first bytes. */
  oversizedFromClient(head: Uint8Array): void {
    this.#log.warn('a message of the client is over the limit: refused');
    const { id, looksLike } = readHead(head);
    if (looksLike === 'answer') {
      this.#failAgentRequest(head, id, oversizedAnswer);
      return;
    }
    this.#answerError(id === undefined ? 'null' : textAt(head, id), {
      code: rpcCodes.invalidRequest,
      message: `The message is longer than the bridge takes. ${this.#options.maxMessageHint}`,
    });
  }

  /** Bytes from the client that are not known to have arrived. */
  get pendingBytes(): number {
    return this.#held.bytes + this.#link.pendingBytes;
  }

  /** Resolves when `pendingBytes` is at most `bytes`. */
  async drained(bytes: number): Promise<void> {
    if (!this.#held.isEmpty) await this.#heldReleased.promise;
    await this.#link.drained(bytes);
  }

  /** The client does not read: stops the agent's output, without holding it here. */
  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  /** Leaves the agent to itself, and says so to who waits for it. Resolves within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    await this.#link.close(graceMs);
    if (this.#failure !== undefined) return;
    const error = leaving();
    this.#giveUp(error, rpcError(error));
    this.#toClient.flush();
  }

  // From the client

  #refuse(line: Uint8Array, { fault, id, looksLike }: Invalid): void {
    if (looksLike === 'answer') this.#failAgentRequest(line, id, unreadableAnswer);
    if (fault === 'not-json') this.#answerError('null', parseError);
    else this.#answerError(id === undefined ? 'null' : textAt(line, id), invalidRequest);
  }

  #mustWait(line: Uint8Array, message: ClientMessage): boolean {
    if (this.#epoch !== undefined) return false;
    return !this.#held.isEmpty || namesLocalThings(line, message);
  }

  #askAgent(line: Uint8Array, message: Request): void {
    const { id, method, params } = message;
    const ticket = this.#link.send(this.#forAgent(line, message));
    if (method === 'initialize') this.#initialize = { line, message, ticket, isRepeated: false };
    this.#clientRequests.open({
      id: textAt(line, id),
      ticket,
      ...(method === 'session/prompt' ? { promptOf: sessionIdIn(line, params) } : {}),
    });
  }

  /** The request as the agent gets it, under the next number. */
  /** The request as the agent gets it, under the next number. */
  #forAgent(line: Uint8Array, message: Request): Uint8Array {
    const number = replacing(message.id, String(this.#clientRequests.next));
    return splice(line, [number, ...inRemoteTerms(line, message, this.#epoch?.cwd, this.#log)]);
  }

  #answerAgent(line: Uint8Array, id: Span): void {
    const request = this.#agentRequests.close(textAt(line, id));
    if (request === undefined) {
      this.#log.debug('the client answered a request that is not open: dropped');
      return;
    }
    const ticket = this.#link.send(splice(line, [replacing(id, request.id)]));
    this.#answers = [...this.#answers.slice(-maxAnswers), ticket];
    this.#toClient.schedule();
  }

  /** What should have been the client's answer is of no use: the agent must not wait for it. */
  #failAgentRequest(line: Uint8Array, id: Span | undefined, error: RpcError): void {
    const request = id && this.#agentRequests.close(textAt(line, id));
    if (request !== undefined) this.#link.send(errorResponse(request.id, error));
  }

  #notifyAgent(line: Uint8Array, message: ClientMessage): void {
    if (this.#failure !== undefined) return;
    if (message.method === 'session/cancel') this.#cancelTurn(line, message.params);
    else if (message.method === '$/cancel_request') this.#cancelRequest(line, message.params);
    else if (this.#mustWait(line, message)) this.#held.add(line);
    else this.#link.send(line);
  }

  /** A cancel overtakes everything. Of a prompt that has not gone out whole, the agent need never know. */
  #cancelTurn(line: Uint8Array, params: Span | undefined): void {
    const session = sessionIdIn(line, params);
    const isItsPrompt = ({ promptOf }: ClientRequest): boolean =>
      session !== undefined && promptOf === session;
    const withdrawn = [
      ...this.#held.takeRequests(
        (message, held) =>
          session !== undefined &&
          message.method === 'session/prompt' &&
          sessionIdIn(held, message.params) === session,
      ),
      ...this.#clientRequests
        .closeAll((request) => isItsPrompt(request) && this.#link.withdraw(request.ticket))
        .map(([, request]) => request.id),
    ];
    for (const id of withdrawn) this.#toClient.add(resultResponse(id, { stopReason: 'cancelled' }));
    const isAgentAtIt = this.#clientRequests.entries().some(([, request]) => isItsPrompt(request));
    if (withdrawn.length === 0 || isAgentAtIt) this.#link.send(line, { urgent: true });
  }

  #cancelRequest(line: Uint8Array, params: Span | undefined): void {
    const span = requestIdIn(line, params);
    if (span === undefined) return;
    const id = textAt(line, span);
    const number = this.#clientRequests.numberOf(id);
    const request = number === undefined ? undefined : this.#clientRequests.get(number);
    const isWithdrawn =
      this.#held.takeRequests((message, held) => textAt(held, message.id) === id).length > 0 ||
      (request !== undefined && this.#link.withdraw(request.ticket));
    if (isWithdrawn) {
      this.#clientRequests.close(String(number));
      this.#answerError(id, {
        code: rpcCodes.requestCancelled,
        message: 'Cancelled before it was sent to the agent.',
      });
    } else if (number !== undefined) {
      this.#link.send(splice(line, [replacing(span, String(number))]), { urgent: true });
    }
  }

  // From the agent

  #fromAgent(line: Uint8Array, start: number, end: number): void {
    const message = readMessage(line);
    this.#delivered = end;
    this.#toClient.schedule();
    if (message.is !== 'invalid') this.#hasSpoken = true;
    switch (message.is) {
      case 'invalid':
        this.#onNoise(line, message);
        return;
      case 'orphan':
        this.#log.debug('the agent could not read a line');
        return;
      case 'request': {
        const number = this.#agentRequests.open({ id: textAt(line, message.id), start });
        const edits = [replacing(message.id, String(number)), ...this.#clientIdEdits(line, message)];
        this.#toClient.add(splice(line, edits));
        return;
      }
      case 'response': {
        const request = this.#clientRequests.close(textAt(line, message.id));
        if (request === undefined) this.#log.debug('the agent answered a request that is not open: dropped');
        else if (request.id !== ours) {
          this.#toClient.add(splice(line, [replacing(message.id, request.id)]));
        }
        return;
      }
      case 'notification':
        if (message.method === '$/cancel_request') this.#withdrawalByAgent(line, message.params);
        else this.#toClient.add(splice(line, this.#clientIdEdits(line, message)));
    }
  }

  /** Names the client's own request where an elicitation of the agent's belongs to one. */
  #clientIdEdits(line: Uint8Array, { method, params }: ClientMessage): Edit[] {
    const span = method.startsWith('elicitation/') ? requestIdIn(line, params) : undefined;
    const request = span && this.#clientRequests.get(Number(textAt(line, span)));
    return span === undefined || request === undefined ? [] : [replacing(span, request.id)];
  }

  #withdrawalByAgent(line: Uint8Array, params: Span | undefined): void {
    const span = requestIdIn(line, params);
    const number = span && this.#agentRequests.numberOf(textAt(line, span));
    if (span !== undefined && number !== undefined) {
      this.#toClient.add(splice(line, [replacing(span, String(number))]));
    }
  }

  /** What an agent prints besides messages stays here, unless somebody waits for what it was meant to be. */
  #onNoise(line: Uint8Array, { id, looksLike }: Invalid): void {
    this.#log.debug('the agent wrote a line that is no message: dropped', { bytes: line.length });
    if (id !== undefined && looksLike !== 'call') this.#failRequest(textAt(line, id), unreadableAnswer);
  }

  #oversizedFromAgent(head: Uint8Array, end: number): void {
    this.#delivered = end;
    this.#toClient.schedule();
    this.#log.warn('a message of the agent is over the limit: dropped');
    const { id, looksLike } = readHead(head);
    if (id === undefined) return;
    if (looksLike === 'call') this.#link.send(errorResponse(textAt(head, id), oversizedAnswer));
    else this.#failRequest(textAt(head, id), oversizedAnswer);
  }

  #failRequest(number: string, error: RpcError): void {
    const request = this.#clientRequests.close(number);
    if (request !== undefined && request.id !== ours) this.#answerError(request.id, error);
  }

  // The agent's lives

  #onEpoch(event: EpochEvent): void {
    const isFirst = this.#epoch === undefined;
    this.#epoch = event;
    this.#delivered = 0;
    this.#hasSpoken = false;
    if (event.cause !== undefined) this.#loseRequests(event.lostThrough, rpcError(event.cause));
    for (const ticket of this.#answers.splice(0)) this.#link.withdraw(ticket);
    this.#initializeAgain(event.lostThrough);
    if (!isFirst) return;
    for (const line of this.#held.takeAll()) this.fromClient(line);
    this.#heldReleased.resolve();
  }

  #onExit(exit: AgentExit): void {
    if (this.#hasSpoken || this.#epoch?.origin !== 'started') {
      this.#loseRequests(exit.lostThrough, exitAnswer(agentExited(exit), exit));
    } else {
      const error = agentCannotStart(exit);
      this.#fail(error, exitAnswer(error, exit));
    }
  }

  /** A new agent knows nothing of what the client said of itself to the last one. The answer is for nobody. */
  #initializeAgain(lostThrough: number): void {
    const last = this.#initialize;
    if (last === undefined || (!last.isRepeated && last.ticket > lostThrough)) return;
    if (last.isRepeated) this.#link.withdraw(last.ticket);
    const ticket = this.#link.send(this.#forAgent(last.line, last.message), { urgent: true });
    this.#clientRequests.open({ id: ours, ticket });
    this.#initialize = { ...last, ticket, isRepeated: true };
  }

  /** Answers what an agent that is gone had open, and tells the client to forget what that agent had asked. */
  #loseRequests(lostThrough: number, error: RpcError): void {
    this.#answerRequests((request) => request.ticket <= lostThrough || request.id === ours, error);
    this.#withdrawAgentRequests();
  }

  #fail(error: BridgeError, told: RpcError = rpcError(error)): void {
    if (this.#failure !== undefined) return;
    this.#giveUp(error, told);
    this.#withdrawAgentRequests();
    this.#toClient.flush();
    this.#options.onFatal(error);
  }

  /** Answers all that is open, and from now on all that comes. */
  #giveUp(error: BridgeError, told: RpcError): void {
    this.#failure = error;
    this.#answerRequests(() => true, told);
    for (const id of this.#held.takeRequests(() => true)) this.#answerError(id, told);
    this.#heldReleased.resolve();
  }

  // To the client

  #withdrawAgentRequests(): void {
    for (const [number] of this.#agentRequests.closeAll(() => true)) {
      this.#toClient.add(
        encodeJson({ jsonrpc: '2.0', method: '$/cancel_request', params: { requestId: number } }),
      );
    }
  }

  #answerRequests(isSo: (request: ClientRequest) => boolean, error: RpcError): void {
    for (const [, { id }] of this.#clientRequests.closeAll(isSo)) {
      if (id !== ours) this.#answerError(id, error);
    }
  }

  #answerError(id: string, error: RpcError): void {
    this.#toClient.add(errorResponse(id, error));
  }

  /**
   * The host is told how far the client is just before it is, in the same turn of the event loop: should this process be
   * killed, the next one goes on from there.
   */
  #acknowledge(): void {
    if (this.#failure !== undefined) return;
    this.#link.acknowledge(
      this.#delivered,
      this.#agentRequests.entries().map(([, { start }]) => start),
    );
  }
}

type ClientMessage = Request | Notification;

interface ClientRequest {
  /** As the client wrote it, in JSON; {@link ours} for a request that the client knows nothing of. */
  readonly id: string;
  readonly ticket: number;
  /** The session whose turn it is. */
  readonly promptOf?: string | undefined;
}

interface AgentRequest {
  /** As the agent wrote it, in JSON. */
  readonly id: string;
  /** Where its line begins in the epoch's output. */
  readonly start: number;
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

/** Answers that may wait for a connection at once: an agent has fewer requests open. */
const maxAnswers = 1000;

function sessionIdIn(line: Uint8Array, params: Span | undefined): string | undefined {
  return params && stringAt(line, memberOf(line, params, 'sessionId'));
}

function requestIdIn(line: Uint8Array, params: Span | undefined): Span | undefined {
  return params && memberOf(line, params, 'requestId');
}
