import type { AgentInput, AgentLink, AgentLinkEvents, Provisions } from '../../agent/agent-link.ts';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { AgentRequests } from '../client/agent-requests.ts';
import { offeringLoad, withoutList } from '../thread/state/agent-info.ts';
import { invalidRequest, leaving, oversizedAnswer, parseError, unreadableAnswer } from '../message/errors.ts';
import { ClientOutput, type WriteLines } from '../client/output.ts';
import { answerInitialize } from './client-initialize.ts';
import { type CapabilityCache, Introduction } from '../client/introduction.ts';
import { errorResponse, resultTextResponse, rpcCodes, rpcError } from '../message/json-rpc-errors.ts';
import { memberOf, type Span, stringAt } from '../message/json-scanner.ts';
import { textAt } from '../message/json-text.ts';
import { type Invalid, type Notification, readHead, readMessage, type Request } from '../message/message.ts';
import { inRemoteTerms, type RemoteViewOptions } from '../client/remote-view.ts';
import { SessionKeys } from './keys.ts';
import { SessionRoutes } from './routes.ts';
import { type SessionMemory, sessionsOf } from './session-memory.ts';
import { splice } from '../message/splice.ts';
import { patienceOf, type ThreadChoice } from './thread-choice.ts';
import type { ThreadPolicy } from '../thread/options.ts';
import { ThreadPool } from './pool.ts';

export interface RouterOptions {
  readonly threads: ThreadChoice;
  /** Makes the link to the agent of the thread with this key. It pulls the lines for the agent from `input`. */
  readonly createLink: (key: string, input: AgentInput, events: AgentLinkEvents) => AgentLink;
  /** Ends the microVM of the thread with this key; never fails. */
  readonly stopMachine: (key: string) => Promise<void>;
  readonly cache: CapabilityCache;
  readonly memory: SessionMemory;
  /** `agentCapabilities` for a client that can't wait for an agent, if no agent of that kind was heard before. */
  readonly agentCapabilities: Readonly<Record<string, unknown>> | undefined;
  /**
   * How long the client waits for an agent's answer to `initialize`, in milliseconds; undefined: as long as this client
   * is known to wait.
   */
  readonly initializeTimeoutMs: number | undefined;
  readonly policy: ThreadPolicy;
  readonly remote: RemoteViewOptions;
  /** What the microVM provides for its agent. */
  readonly onProvisions: (provisions: Provisions) => void;
  /** Writes lines to the client. */
  readonly write: WriteLines;
  /** The bridge can do nothing more; all open requests are answered. */
  readonly onFatal: (error: BridgeError) => void;
  /** How to raise the limit on the length of the client's messages: part of the error for a longer one. */
  readonly maxMessageHint: string;
  readonly log: Log;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/**
 * Connects one client with any number of agents, and finds the thread for each message. It exchanges request ids in
 * both directions, session ids where each session has an agent of its own, and directories that are mapped. Every
 * request gets exactly one answer, whatever fails. All other bytes are passed on unchanged.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #toClient: ClientOutput;
  readonly #agentRequests: AgentRequests;
  readonly #introduction: Introduction;
  readonly #pool: ThreadPool;
  readonly #routes: SessionRoutes;
  /** The error that ended the bridge. */
  #end: BridgeError | undefined;

  constructor(options: RouterOptions) {
    const { threads, log } = options;
    this.#options = options;
    const keys = new SessionKeys(threads, options.randomBytes);
    this.#toClient = new ClientOutput(options.write, {
      // The links are paused, so that the service waits and the agents' output is not held here.
      onFull: () => this.#pool.all().forEach(({ thread }) => thread.pause()),
      onRoom: () => this.#pool.all().forEach(({ thread }) => thread.resume()),
    });
    this.#agentRequests = new AgentRequests(this.#toClient, log);
    this.#introduction = new Introduction(options);
    this.#pool = new ThreadPool({
      ...options,
      toClient: this.#toClient,
      agentRequests: this.#agentRequests,
      introduction: this.#introduction,
      namingOf: (key) => keys.namingOf(key),
      onSession: (key, clientId) => this.#routes.onOpened(key, clientId),
      onStranger: (key, sessionId) => keys.meetStranger(sessionId, key),
      onNoted: ({ key, thread }) => options.memory.remember(key, sessionsOf(thread, options.remote)),
      onNoSession: (pooled, why) => this.#routes.onNoSession(pooled, why),
      onLogin: (pooled, request) => this.#routes.onLogin(pooled, request),
      onFailed: (error) => {
        // Threads that are in use go on.
        if (!this.#pool.all().some(({ thread }) => thread.isBegun)) this.#onFatal(error);
      },
    });
    this.#routes = new SessionRoutes({
      ...options,
      keys,
      pool: this.#pool,
      introduction: this.#introduction,
      toClient: this.#toClient,
    });
    if (threads.is === 'fixed') this.#pool.get(threads.key);
  }

  /** Handles one line of the client, without its newline. */
  fromClient(line: Uint8Array): void {
    if (line.length === 0) return;
    const message = readMessage(line);
    switch (message.is) {
      case 'invalid':
        this.#refuse(line, message);
        return;
      case 'orphan':
        this.#options.log.debug('the client could not read a line');
        return;
      case 'response':
        this.#agentRequests.answer(line, message.id);
        return;
      case 'notification':
        this.#notify(line, message);
        return;
      case 'request':
        this.#request(line, message);
    }
  }

  /** Handles a line of the client that was too long to hold. `head` is its beginning. */
  oversizedFromClient(head: Uint8Array): void {
    this.#options.log.warn('a message of the client is over the limit: refused');
    const { id, looksLike } = readHead(head);
    if (looksLike === 'answer') {
      this.#agentRequests.fail(head, id, oversizedAnswer);
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
    return this.#pool.all().reduce((sum, { thread }) => sum + thread.toAgent.pendingBytes, 0);
  }

  /** Resolves when `pendingBytes` is at most `bytes`, or nothing is sent any more. */
  async drained(bytes: number): Promise<void> {
    while (this.#end === undefined && this.pendingBytes > bytes) {
      const pending = this.#pool.all().filter(({ thread }) => thread.toAgent.pendingBytes > 0);
      await Promise.race(pending.map(({ thread }) => thread.toAgent.eased()));
    }
  }

  /** The client's pipe has taken the line that `write` left under way, and has room for more. */
  onRoom(): void {
    this.#toClient.onRoom();
  }

  /** Resolves when the client has all its lines, or after `withinMs`. */
  flushed(withinMs: number): Promise<void> {
    return this.#toClient.drained(withinMs);
  }

  /** Answers all open requests, since the bridge leaves. What agents say from now on is left to the next bridge. */
  leave(): void {
    if (this.#end !== undefined) return;
    const error = leaving();
    this.#end = error;
    this.#routes.leave(rpcError(error));
    for (const { thread } of this.#pool.all()) thread.leave(rpcError(error));
  }

  /** Detaches from the agents, which go on, or with `isStop` ends their microVMs. Resolves within `graceMs`. */
  async close(graceMs: number, { isStop = false }: { isStop?: boolean } = {}): Promise<void> {
    this.leave();
    this.#toClient.flush();
    // Lines that the client has not read are not acknowledged: the next bridge sends them, so this one must not.
    this.#toClient.stop();
    const isFixed = this.#options.threads.is === 'fixed';
    // A thread in which no session was opened has a key that nobody knows.
    await this.#pool.close(
      graceMs,
      ({ thread }) => isStop || (!isFixed && thread.sessions.all().length === 0),
    );
  }

  #refuse(line: Uint8Array, { fault, id, looksLike }: Invalid): void {
    if (looksLike === 'answer') this.#agentRequests.fail(line, id, unreadableAnswer);
    // JSON-RPC 2.0: the id is null if the line could not be read.
    const isReadable = fault === 'no-message' && id !== undefined;
    const error = fault === 'not-json' ? parseError : invalidRequest;
    this.#toClient.add(errorResponse(isReadable ? textAt(line, id) : 'null', error));
  }

  #request(written: Uint8Array, asWritten: Request): void {
    if (this.#end !== undefined) {
      this.#toClient.add(errorResponse(textAt(written, asWritten.id), rpcError(this.#end)));
      return;
    }
    const { line, message } = this.#inRemoteTerms(written, asWritten);
    if (message.method === 'initialize') this.#initialize(line, message);
    else this.#routes.request(line, message);
  }

  #initialize(line: Uint8Array, message: Request): void {
    const introduction = this.#introduction;
    introduction.initialize = { line, message };
    const id = textAt(line, message.id);
    if (this.#routes.isToldByPrompts) {
      // The first prompt names the thread, so no agent is started before it.
      this.#toClient.add(resultTextResponse(id, this.#asOffered(offeringLoad(introduction.standIn))));
      return;
    }
    const onInitialized = answerInitialize({
      id,
      timeoutMs: this.#options.initializeTimeoutMs ?? patienceOf(introduction.clientName),
      standIn: () => introduction.standIn,
      adapt: (result) => this.#asOffered(result),
      answer: (answer) => this.#toClient.add(answer),
      log: this.#options.log,
    });
    this.#routes.first.thread.initialize((initialized) => {
      onInitialized(initialized);
      this.#routes.discardUnused();
    });
  }

  /** Removes from an agent's answer to `initialize`, which is JSON text, what the bridge can't provide. */
  #asOffered(result: string): string {
    return this.#options.memory.isKept() ? result : withoutList(result);
  }

  #notify(line: Uint8Array, message: Notification): void {
    if (this.#end !== undefined) return;
    const { method, params } = message;
    const sessionId = stringAt(line, memberOf(line, params, 'sessionId'));
    if (method === '$/cancel_request') {
      this.#cancelRequest(line, memberOf(line, params, 'requestId'));
      return;
    }
    const toAgent = this.#routes.find(sessionId)?.thread.toAgent;
    if (method === 'session/cancel' && sessionId !== undefined) toAgent?.cancelTurn(sessionId, line, message);
    else toAgent?.submit({ line, message, call: undefined, sessionId });
  }

  #cancelRequest(line: Uint8Array, requestId: Span | undefined): void {
    if (requestId === undefined) return;
    const id = textAt(line, requestId);
    const asked = this.#pool.all().find(({ thread }) => thread.calls.ofClient(id) !== undefined);
    asked?.thread.toAgent.cancelRequest(line, requestId);
  }

  #onFatal(error: BridgeError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#routes.leave(rpcError(error));
    this.#toClient.flush();
    this.#options.onFatal(error);
  }

  #inRemoteTerms(line: Uint8Array, message: Request): { line: Uint8Array; message: Request } {
    const edits = inRemoteTerms(line, message, this.#options.remote);
    if (edits.length === 0) return { line, message };
    const remote = splice(line, edits);
    const again = readMessage(remote);
    return again.is === 'request' ? { line: remote, message: again } : { line, message };
  }
}
