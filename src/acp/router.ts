import type { AgentLink, AgentLinkEvents, EpochEvent } from '../agent/agent-link.ts';
import type { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { AgentCalls } from './agent-calls.ts';
import { offeringLoad } from './agent-info.ts';
import {
  invalidRequest,
  leaving,
  noSuchSession,
  oversizedAnswer,
  parseError,
  unreadableAnswer,
} from './agent-errors.ts';
import { clientSessionId, parseClientSessionId } from './client-session-ids.ts';
import { ClientOutput, type WriteLines } from './client-output.ts';
import { answerInTime } from './initialize-answer.ts';
import { type CapabilityCache, Introduction } from './introduction.ts';
import { errorResponse, resultResponse, resultTextResponse, rpcCodes, rpcError } from './json-rpc-errors.ts';
import { memberOf, type Span, stringAt } from './json-scanner.ts';
import { textAt } from './json-text.ts';
import { type Invalid, type Notification, readHead, readMessage, type Request } from './message.ts';
import { inRemoteTerms, mappedPath, type RemoteViewOptions } from './remote-view.ts';
import { threadKeyOf } from './sender-context.ts';
import { readSetup, type SessionSetup } from './session.ts';
import { SessionKeys } from './session-keys.ts';
import { listSessions } from './session-list.ts';
import { splice } from './splice.ts';
import { isToldByPrompts, type ThreadChoice } from './thread-choice.ts';
import type { ThreadPolicy } from './thread-options.ts';
import { type Member, ThreadPool } from './thread-pool.ts';
import { UnboundSessions } from './unbound-sessions.ts';

export interface RouterOptions {
  readonly threads: ThreadChoice;
  /** The link to the agent of the thread of that key. */
  readonly createLink: (key: string, events: AgentLinkEvents) => AgentLink;
  /** Ends the microVM of the thread of that key; never fails. */
  readonly stopMachine: (key: string) => Promise<void>;
  readonly cache: CapabilityCache;
  /** `agentCapabilities` for a client that can't wait for an agent. */
  readonly agentCapabilities: Readonly<Record<string, unknown>> | undefined;
  /** How long the client is kept waiting for an agent's answer to `initialize`. */
  readonly initializeTimeoutMs: number;
  readonly policy: Omit<ThreadPolicy, 'mappedCwd'>;
  readonly remote: RemoteViewOptions;
  /** Whether what the agent remembers outlives its microVM. */
  readonly onKeeping: (keeping: EpochEvent['keeping']) => void;
  /** To the client. */
  readonly write: WriteLines;
  /** The bridge is of no more use; all that was open is answered. */
  readonly onFatal: (error: BridgeError) => void;
  /** How the client's limit on the length of a message is raised: said where a message is over it. */
  readonly maxMessageHint: string;
  readonly log: Log;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/**
 * Between one client and any number of agents: finds the thread that a message is for. Request ids are exchanged in both
 * directions, session ids where each session has an agent of its own, and what names things of the client's machine is
 * put in terms of the microVM. Every request gets exactly one answer, whatever dies. All else crosses byte for byte.
 */
export class Router {
  readonly #options: RouterOptions;
  readonly #toClient: ClientOutput;
  readonly #agentCalls: AgentCalls;
  readonly #introduction: Introduction;
  readonly #pool: ThreadPool;
  readonly #unbound: UnboundSessions;
  readonly #keys: SessionKeys;
  /** Sessions that had no prompt yet in this process. */
  readonly #unprompted = new Set<string>();
  /** Why nothing can be done any more. */
  #end: BridgeError | undefined;

  constructor(options: RouterOptions) {
    const { threads, log } = options;
    this.#options = options;
    this.#keys = new SessionKeys(threads, options.randomBytes);
    this.#toClient = new ClientOutput(options.write, {
      // The agents' output is not held here: the service is made to wait.
      onFull: () => this.#pool.all().forEach(({ thread }) => thread.pause()),
      onRoom: () => this.#pool.all().forEach(({ thread }) => thread.resume()),
    });
    this.#agentCalls = new AgentCalls(this.#toClient, log);
    this.#introduction = new Introduction(options);
    this.#unbound = new UnboundSessions(this.#introduction);
    this.#pool = new ThreadPool({
      ...options,
      toClient: this.#toClient,
      agentCalls: this.#agentCalls,
      introduction: this.#introduction,
      namingOf: (key) => this.#keys.namingOf(key),
      onSession: (member, clientId) => {
        this.#keys.bind(clientId, member.key);
        this.#unprompted.add(clientId);
      },
      onStranger: (member, sessionId) => this.#keys.meetStranger(sessionId, member.key),
      onFailed: (_, error) => {
        // What else there is goes on.
        if (!this.#pool.all().some(({ thread }) => thread.isBegun)) this.#onFatal(error);
      },
    });
    if (threads.is === 'fixed') this.#pool.get(threads.key);
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
        this.#options.log.debug('the client could not read a line');
        return;
      case 'response':
        this.#agentCalls.answer(line, message.id);
        return;
      case 'notification':
        this.#notify(line, message);
        return;
      case 'request':
        this.#request(line, message);
    }
  }

  /** A line of the client's that was too long to be held; its first bytes. */
  oversizedFromClient(head: Uint8Array): void {
    this.#options.log.warn('a message of the client is over the limit: refused');
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
    return this.#pool.all().reduce((sum, { thread }) => sum + thread.toAgent.pendingBytes, 0);
  }

  /** Resolves when `pendingBytes` is at most `bytes`, or nothing will be sent any more. */
  async drained(bytes: number): Promise<void> {
    while (this.#end === undefined && this.pendingBytes > bytes) {
      const pending = this.#pool.all().filter(({ thread }) => thread.toAgent.pendingBytes > 0);
      await Promise.race(pending.map(({ thread }) => thread.toAgent.eased()));
    }
  }

  /** The line that `write` left under way is with the client, and there is room for more. */
  onRoom(): void {
    this.#toClient.onRoom();
  }

  /** Resolves when the client has all that is for it, or after `withinMs`. */
  flushed(withinMs: number): Promise<void> {
    return this.#toClient.drained(withinMs);
  }

  /** Tells who waits for an agent that the bridge leaves. What agents say from now on is for the next bridge. */
  leave(): void {
    if (this.#end !== undefined) return;
    const error = leaving();
    this.#end = error;
    for (const { thread } of this.#pool.all()) thread.leave(rpcError(error));
  }

  /** Leaves the agents to themselves, or with `isStop` ends their microVMs. Resolves within `graceMs`. */
  async close(graceMs: number, { isStop = false }: { isStop?: boolean } = {}): Promise<void> {
    this.leave();
    this.#toClient.flush();
    // What the client has not read is not acknowledged either, and must not reach it any more.
    this.#toClient.stop();
    const isFixed = this.#options.threads.is === 'fixed';
    // Nobody knows the key of a thread that no session was opened in.
    await this.#pool.close(
      graceMs,
      ({ thread }) => isStop || (!isFixed && thread.sessions.all().length === 0),
    );
  }

  #refuse(line: Uint8Array, { fault, id, looksLike }: Invalid): void {
    if (looksLike === 'answer') this.#agentCalls.fail(line, id, unreadableAnswer);
    // JSON-RPC 2.0: null, where the line could not be read.
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
    const isFixed = this.#options.threads.is === 'fixed';
    const sessionId = stringAt(line, memberOf(line, message.params, 'sessionId'));
    if (message.method === 'initialize') this.#initialize(line, message);
    else if (isFixed) this.#firstMember.requests.request(line, message, sessionId);
    else if (message.method === 'session/new') this.#openNew(line, message);
    else if (message.method === 'session/list') this.#list(line, message);
    else if (sessionId === undefined) this.#firstMember.requests.request(line, message, undefined);
    else this.#requestOf(sessionId, line, message);
  }

  #initialize(line: Uint8Array, message: Request): void {
    const introduction = this.#introduction;
    introduction.initialize = { line, message };
    const id = textAt(line, message.id);
    if (this.#isThreadToldByPrompts && introduction.lastAnswer !== undefined) {
      // No agent can be known yet that would be the first prompt's.
      this.#toClient.add(resultTextResponse(id, offeringLoad(introduction.standIn)));
      return;
    }
    const onGreeted = answerInTime({
      id,
      timeoutMs: this.#options.initializeTimeoutMs,
      standIn: () => introduction.standIn,
      adapt: (result) => (this.#isThreadToldByPrompts ? offeringLoad(result) : result),
      answer: (answer) => this.#toClient.add(answer),
      log: this.#options.log,
    });
    this.#firstMember.thread.greet((greeted) => {
      onGreeted(greeted);
      this.#discardUnused();
    });
  }

  #openNew(line: Uint8Array, message: Request): void {
    const key = this.#keys.take();
    if (!this.#isThreadToldByPrompts) {
      this.#pool.get(key).requests.request(line, message, undefined);
      return;
    }
    const clientId = clientSessionId({ key, agentId: undefined });
    this.#unbound.add(clientId, this.#setup(line, message));
    const result = { ...this.#introduction.lastOpened, sessionId: clientId };
    this.#toClient.add(resultResponse(textAt(line, message.id), result));
  }

  /** A request about one session. */
  #requestOf(sessionId: string, line: Uint8Array, message: Request): void {
    const isPrompt = message.method === 'session/prompt';
    if (this.#isThreadToldByPrompts && isOpening(message) && parseClientSessionId(sessionId) !== undefined) {
      if (this.#keys.isBound(sessionId)) {
        this.#memberOf(sessionId)?.requests.request(line, message, sessionId);
        return;
      }
      this.#unbound.add(sessionId, this.#setup(line, message));
    }
    if (this.#unbound.has(sessionId)) {
      if (!isPrompt) {
        this.#toClient.add(this.#unbound.answer(sessionId, line, message));
        return;
      }
      this.#bind(sessionId, line, message);
    } else if (isPrompt && this.#options.threads.is === 'auto' && this.#unprompted.has(sessionId)) {
      this.#rebind(sessionId, line, message);
    }
    if (isPrompt) this.#unprompted.delete(sessionId);
    else if (isOpening(message)) this.#unprompted.add(sessionId);
    const member = this.#memberOf(sessionId);
    const stranger = this.#strangerOf(sessionId);
    if (member !== undefined) member.requests.request(line, message, sessionId);
    else if (stranger !== undefined) stranger.requests.request(line, message, undefined);
    else this.#toClient.add(errorResponse(textAt(line, message.id), noSuchSession(sessionId)));
    this.#discardUnused();
  }

  /** The first prompt of a session tells its thread. */
  #bind(sessionId: string, line: Uint8Array, message: Request): void {
    const unbound = this.#unbound.take(sessionId);
    const own = parseClientSessionId(sessionId);
    if (unbound === undefined || own === undefined) return;
    const key = threadKeyOf(line, message.params) ?? own.key;
    const member = this.#pool.get(key);
    this.#keys.bind(sessionId, key);
    member.thread.sessions.add(sessionId, key === own.key ? own.agentId : undefined, unbound.setup);
    for (const setting of unbound.settings) member.requests.repeat(setting.line, setting.message, sessionId);
    this.#discardUnused();
  }

  /** A session that was opened at an agent of its own turns out to belong to another thread. */
  #rebind(sessionId: string, line: Uint8Array, message: Request): void {
    const key = threadKeyOf(line, message.params);
    const last = this.#memberOf(sessionId);
    if (key === undefined || last === undefined || last.key === key) return;
    const session = last.thread.sessions.find(sessionId);
    if (session === undefined) return;
    last.thread.sessions.forget(session);
    this.#keys.bind(sessionId, key);
    this.#pool.get(key).thread.sessions.add(sessionId, undefined, session.setup);
    if (last.thread.sessions.all().length === 0) this.#pool.discard(last);
  }

  /** The agent that answered `initialize` is nobody's, once the first session belongs to another thread. */
  #discardUnused(): void {
    const first = this.#pool.find(this.#keys.first);
    const others = this.#pool.all().filter((member) => member !== first);
    if (first?.thread.isUnused !== true) return;
    if (others.some(({ thread }) => thread.isBegun)) this.#pool.discard(first);
  }

  #list(line: Uint8Array, message: Request): void {
    const id = textAt(line, message.id);
    const threads = this.#pool.all().map(({ thread }) => thread);
    const keyOf = new Map(this.#pool.all().map(({ key, thread }) => [thread, key]));
    void listSessions(threads, {
      clientIdOf: (thread, agentId) => {
        const known = thread.sessions.withAgentId(agentId)?.clientId;
        return known ?? this.#keys.namingOf(keyOf.get(thread) ?? '').clientIdOf(agentId);
      },
      localCwd: stringAt(line, memberOf(line, message.params, 'cwd')),
      withinMs: listMs,
    }).then((result) => this.#toClient.add(resultTextResponse(id, result)));
  }

  #notify(line: Uint8Array, message: Notification): void {
    if (this.#end !== undefined) return;
    const { method, params } = message;
    const sessionId = stringAt(line, memberOf(line, params, 'sessionId'));
    if (method === '$/cancel_request') {
      this.#cancelRequest(line, memberOf(line, params, 'requestId'));
      return;
    }
    const member = this.#memberOf(sessionId) ?? this.#strangerOf(sessionId);
    if (member === undefined) return;
    if (method === 'session/cancel' && sessionId !== undefined)
      member.thread.toAgent.cancelTurn(sessionId, line, message);
    else member.thread.toAgent.submit({ is: 'fresh', line, message, number: undefined, sessionId });
  }

  #cancelRequest(line: Uint8Array, requestId: Span | undefined): void {
    if (requestId === undefined) return;
    const id = textAt(line, requestId);
    const member = this.#pool.all().find(({ thread }) => thread.calls.numberOf(id) !== undefined);
    member?.thread.toAgent.cancelRequest(line, requestId);
  }

  /** The thread that a session belongs to; the first one for what names no session. */
  #memberOf(sessionId: string | undefined): Member | undefined {
    if (sessionId === undefined) return this.#firstMember;
    const key = this.#keys.of(sessionId);
    return key === undefined || this.#unbound.has(sessionId) ? undefined : this.#pool.get(key);
  }

  /** The thread whose agent spoke of this session, which it never opened by name. */
  #strangerOf(sessionId: string | undefined): Member | undefined {
    const key = sessionId === undefined ? undefined : this.#keys.ofStranger(sessionId);
    return key === undefined ? undefined : this.#pool.find(key);
  }

  get #firstMember(): Member {
    return this.#pool.get(this.#keys.first);
  }

  /** Whether the client says with its prompts which thread they belong to. */
  get #isThreadToldByPrompts(): boolean {
    return isToldByPrompts(this.#options.threads, this.#introduction.clientName);
  }

  #setup(line: Uint8Array, { params }: Request): SessionSetup {
    return readSetup(line, params, (path) => mappedPath(path, this.#options.remote));
  }

  #onFatal(error: BridgeError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
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

function isOpening({ method }: Request): boolean {
  return method === 'session/load' || method === 'session/resume';
}

const listMs = 10_000;
