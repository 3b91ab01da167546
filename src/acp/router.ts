import type { AgentExit, AgentLink, AgentLinkEvents, EpochEvent } from '../agent/agent-link.ts';
import type { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { AgentCalls } from './agent-calls.ts';
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
import { ClientCalls } from './client-calls.ts';
import { ClientOutput, type WriteLines } from './client-output.ts';
import { errorResponse, rpcCodes, rpcError, type RpcError } from './json-rpc-errors.ts';
import { textAt } from './json-text.ts';
import { type Invalid, readHead, readMessage } from './message.ts';
import { firstRequestId } from './request-ids.ts';
import { splice } from './splice.ts';
import { ThisLife } from './this-life.ts';

export interface RouterOptions {
  /** The link to the agent of the one thread that this process serves. */
  readonly createLink: (events: AgentLinkEvents) => AgentLink;
  /** To the client. */
  readonly write: WriteLines;
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
  readonly #thisLife: ThisLife;
  readonly #toClient: ClientOutput;
  readonly #clientCalls: ClientCalls;
  readonly #agentCalls: AgentCalls;
  #epoch: EpochEvent | undefined;
  /** Whether this epoch's agent has said anything that is a message. */
  #hasSpoken = false;
  #isLeaving = false;
  #isOver = false;

  constructor(options: RouterOptions) {
    const { log } = options;
    this.#options = options;
    this.#log = log;
    this.#link = options.createLink({
      onEpoch: (event) => this.#onEpoch(event),
      onLine: (line, start, end) => this.#fromAgent(line, start, end),
      onOversizedLine: (head, _start, end) => this.#oversizedFromAgent(head, end),
      onExit: (exit) => this.#onExit(exit),
      onState: (state) => log.debug('the link to the agent', { state }),
      onFailed: (error) => this.#fail(error),
    });
    const link = this.#link;
    const thisLife = new ThisLife(link);
    const toClient = new ClientOutput(options.write, {
      onProgress: (delivered) => this.#acknowledge(delivered),
      // The agent's output is not held here: the service is made to wait.
      onFull: () => link.pause(),
      onRoom: () => link.resume(),
    });
    const firstNumber = firstRequestId((options.random ?? Math.random)());
    this.#thisLife = thisLife;
    this.#toClient = toClient;
    this.#clientCalls = new ClientCalls({ link, thisLife, toClient, firstNumber, log });
    this.#agentCalls = new AgentCalls({ thisLife, toClient, log });
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
        this.#agentCalls.answer(line, message.id);
        return;
      case 'notification':
        this.#clientCalls.notify(line, message);
        return;
      case 'request':
        this.#clientCalls.request(line, message);
    }
  }

  /** A line of the client's that was too long to be held; its first bytes. */
  oversizedFromClient(head: Uint8Array): void {
    this.#log.warn('a message of the client is over the limit: refused');
    const { id, looksLike } = readHead(head);
    if (looksLike === 'answer') {
      this.#agentCalls.fail(head, id, oversizedAnswer);
      return;
    }
    const error = {
      code: rpcCodes.invalidRequest,
      message: `The message is longer than the bridge takes. ${this.#options.maxMessageHint}`,
    };
    this.#toClient.add(errorResponse(id === undefined ? 'null' : textAt(head, id), error));
  }

  /** Bytes from the client that are not known to have arrived. */
  get pendingBytes(): number {
    return this.#clientCalls.heldBytes + this.#link.pendingBytes;
  }

  /** Resolves when `pendingBytes` is at most `bytes`, or nothing will be sent any more. */
  async drained(bytes: number): Promise<void> {
    await this.#clientCalls.released();
    await this.#link.drained(bytes);
  }

  /** The line that `write` left under way is with the client, and there is room for more. */
  onRoom(): void {
    this.#toClient.onRoom();
  }

  /** Resolves when the client has all that is for it, or after `withinMs`. */
  flushed(withinMs: number): Promise<void> {
    return this.#toClient.drained(withinMs);
  }

  /** Tells who waits for the agent that the bridge leaves. What the agent says from now on is for the next bridge. */
  leave(): void {
    if (this.#isOver || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#clientCalls.giveUp(rpcError(leaving()));
  }

  /** Leaves the agent to itself. Resolves within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.leave();
    this.#toClient.flush();
    // What the client has not read is not acknowledged either, and must not reach it any more.
    this.#toClient.stop();
    await this.#link.close(graceMs);
    this.#isOver = true;
  }

  #refuse(line: Uint8Array, { fault, id, looksLike }: Invalid): void {
    if (looksLike === 'answer') this.#agentCalls.fail(line, id, unreadableAnswer);
    // JSON-RPC 2.0: null, where the line could not be read.
    const isReadable = fault === 'no-message' && id !== undefined;
    const error = fault === 'not-json' ? parseError : invalidRequest;
    this.#toClient.add(errorResponse(isReadable ? textAt(line, id) : 'null', error));
  }

  #fromAgent(line: Uint8Array, start: number, end: number): void {
    if (this.#isLeaving) return;
    const message = readMessage(line);
    this.#toClient.moveTo(end);
    if (message.is !== 'invalid') this.#hasSpoken = true;
    switch (message.is) {
      case 'invalid':
        this.#onNoise(line, message);
        return;
      case 'orphan':
        this.#log.debug('the agent could not read a line');
        return;
      case 'response':
        this.#clientCalls.answer(line, message.id);
        return;
      case 'request': {
        const number = this.#agentCalls.open(line, message.id, start);
        this.#toClient.add(splice(line, [number, ...this.#clientCalls.ownIds(line, message)]));
        return;
      }
      case 'notification':
        if (message.method === '$/cancel_request') this.#agentCalls.cancel(line, message.params);
        else this.#toClient.add(splice(line, this.#clientCalls.ownIds(line, message)));
    }
  }

  /** What an agent prints besides messages stays here, unless somebody waits for what it was meant to be. */
  #onNoise(line: Uint8Array, { id, looksLike }: Invalid): void {
    this.#log.debug('the agent wrote a line that is no message: dropped', { bytes: line.length });
    if (id !== undefined && looksLike !== 'call') this.#clientCalls.fail(line, id, unreadableAnswer);
  }

  #oversizedFromAgent(head: Uint8Array, end: number): void {
    if (this.#isLeaving) return;
    this.#toClient.moveTo(end);
    this.#log.warn('a message of the agent is over the limit: dropped');
    const { id, looksLike } = readHead(head);
    if (id === undefined) return;
    if (looksLike === 'call') this.#thisLife.send(errorResponse(textAt(head, id), oversizedAnswer));
    else this.#clientCalls.fail(head, id, oversizedAnswer);
  }

  #onEpoch(event: EpochEvent): void {
    if (this.#isOver) return;
    // At the first one, what waits may be for an agent that a bridge before this one left at work.
    if (this.#epoch !== undefined) this.#thisLife.end();
    this.#epoch = event;
    this.#toClient.beginEpoch();
    this.#hasSpoken = false;
    if (event.cause !== undefined) this.#loseAgent(event.lostThrough, rpcError(event.cause));
    this.#clientCalls.begin(event.cwd, event.lostThrough);
  }

  #onExit(exit: AgentExit): void {
    if (this.#hasSpoken || this.#epoch?.origin !== 'started') {
      this.#loseAgent(exit.lostThrough, exitAnswer(agentExited(exit), exit));
    } else {
      const error = agentCannotStart(exit);
      this.#fail(error, exitAnswer(error, exit));
    }
  }

  #loseAgent(lostThrough: number, error: RpcError): void {
    this.#clientCalls.lose(lostThrough, error);
    this.#agentCalls.withdrawAll();
  }

  #fail(error: BridgeError, told: RpcError = rpcError(error)): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clientCalls.giveUp(told);
    this.#agentCalls.withdrawAll();
    this.#toClient.flush();
    this.#options.onFatal(error);
  }

  /** Should this process be killed, the next one goes on from here. */
  #acknowledge(delivered: number): void {
    if (!this.#isOver) this.#link.acknowledge(delivered, this.#agentCalls.starts);
  }
}
