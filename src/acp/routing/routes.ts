import { noSuchSession } from '../message/errors.ts';
import type { ClientOutput } from '../client/output.ts';
import { clientSessionId, parseClientSessionId } from './client-session-ids.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import {
  errorResponse,
  resultResponse,
  resultTextResponse,
  type RpcError,
} from '../message/json-rpc-errors.ts';
import { memberOf, stringAt } from '../message/json-scanner.ts';
import { textAt } from '../message/json-text.ts';
import type { Request } from '../message/message.ts';
import type { RemoteViewOptions } from '../client/remote-view.ts';
import { threadKeyOf } from '../message/sender-context.ts';
import type { NoSession } from '../thread/options.ts';
import { isReopening, readSetup } from '../thread/state/session-setup.ts';
import type { SessionKeys } from './keys.ts';
import { listSessions } from './lists.ts';
import { isToldByPrompts, type ThreadChoice } from './thread-choice.ts';
import type { PooledThread, ThreadPool } from './pool.ts';
import type { SessionMemory } from './session-memory.ts';
import { UnboundSessions } from './unbound-sessions.ts';

export interface SessionRoutesOptions {
  readonly threads: ThreadChoice;
  readonly keys: SessionKeys;
  readonly pool: ThreadPool;
  readonly introduction: Introduction;
  readonly toClient: ClientOutput;
  readonly remote: RemoteViewOptions;
  readonly memory: SessionMemory;
}

/**
 * Decides which thread each request of the client goes to. Where prompts name the thread, the first prompt of a session
 * binds it to one; before that it has no agent.
 */
export class SessionRoutes {
  readonly #options: SessionRoutesOptions;
  readonly #unbound: UnboundSessions;
  /** Sessions that had no prompt yet in this process. */
  readonly #unprompted = new Set<string>();
  /** The client's open `session/list` requests that concern all threads, by their ids as JSON text. */
  readonly #lists = new Set<{ readonly id: string }>();
  #isLeaving = false;

  constructor(options: SessionRoutesOptions) {
    this.#options = options;
    this.#unbound = new UnboundSessions(options.introduction);
  }

  /** The thread whose agent answers `initialize`. */
  get first(): PooledThread {
    const { keys, pool } = this.#options;
    return pool.get(keys.first);
  }

  /** The thread for messages that name no session: the first one, or another if the first would need a microVM. */
  get #any(): PooledThread {
    const { keys, pool } = this.#options;
    if (pool.find(keys.first)?.thread.isBegun === true) return this.first;
    return pool.all().find(({ thread }) => thread.isBegun) ?? this.first;
  }

  /** The thread of a session; undefined if the session is not bound yet, or not known. */
  find(sessionId: string | undefined): PooledThread | undefined {
    return this.#ofSession(sessionId) ?? this.#ofStranger(sessionId);
  }

  /** Whether the client's prompts name the thread that they belong to. */
  get isToldByPrompts(): boolean {
    const { introduction, threads } = this.#options;
    return isToldByPrompts(threads, introduction.clientName);
  }

  /** @param line a request other than `initialize`, in the microVM's terms, except for ids of sessions and `cwd` */
  request(line: Uint8Array, message: Request): void {
    const isFixed = this.#options.threads.is === 'fixed';
    const sessionId = stringAt(line, memberOf(line, message.params, 'sessionId'));
    if (message.method === 'session/list') this.#list(line, message);
    else if (isFixed) this.first.requests.request(line, message, sessionId);
    else if (message.method === 'session/new') this.#openNew(line, message);
    else if (sessionId === undefined) this.#any.requests.request(line, message, undefined);
    else this.#requestOf(sessionId, line, message);
  }

  /**
   * A session that the client asked for could not be opened. A thread that was begun for it is discarded. If the agent
   * wants a login, the thread is kept for the next session, since the login is made in its microVM.
   */
  onNoSession(pooled: PooledThread, why: NoSession): void {
    const { keys, pool, threads } = this.#options;
    if (threads.is === 'fixed' || this.isToldByPrompts) return;
    // The call is settled first, with all that follows from it.
    queueMicrotask(() => {
      const isOurs = pool.find(pooled.key) === pooled && pooled.thread.isUnused && !this.#isLeaving;
      if (!isOurs || (why === 'login' && keys.spare(pooled.key))) return;
      keys.drop(pooled.key);
      pool.discard(pooled);
    });
  }

  /**
   * The agent of a thread has accepted `authenticate` or `logout`: the agents of all other threads get the request,
   * too.
   */
  onLogin(pooled: PooledThread, request: Repeated): void {
    for (const each of this.#options.pool.all()) if (each !== pooled) each.requests.repeatToLiving(request);
  }

  /** The bridge leaves: answers the requests that no single thread answers. */
  leave(error: RpcError): void {
    this.#isLeaving = true;
    for (const { id } of this.#lists) this.#options.toClient.add(errorResponse(id, error));
    this.#lists.clear();
  }

  /** The agent of the thread with this key has opened a session; `clientId` is the client's id for it. */
  onOpened(key: string, clientId: string): void {
    this.#options.keys.bind(clientId, key);
    this.#unprompted.add(clientId);
  }

  /** Discards the first thread, if the first session belongs to another one. */
  discardUnused(): void {
    const { keys, pool } = this.#options;
    const first = pool.find(keys.first);
    if (first?.thread.isUnused !== true) return;
    const isAnotherBegun = pool.all().some((each) => each !== first && each.thread.isBegun);
    if (isAnotherBegun) pool.discard(first);
  }

  #openNew(line: Uint8Array, message: Request): void {
    const { introduction, keys, pool, remote, toClient } = this.#options;
    const key = keys.take();
    if (!this.isToldByPrompts) {
      pool.get(key).requests.request(line, message, undefined);
      return;
    }
    const clientId = clientSessionId({ key, agentId: undefined });
    this.#unbound.add(clientId, readSetup(line, message.params, remote));
    const result = { ...introduction.lastOpened, sessionId: clientId };
    toClient.add(resultResponse(textAt(line, message.id), result));
  }

  #list(line: Uint8Array, message: Request): void {
    const { memory, pool, remote, toClient } = this.#options;
    const list = { id: textAt(line, message.id) };
    this.#lists.add(list);
    const localCwd = stringAt(line, memberOf(line, message.params, 'cwd'));
    const isReachable = (key: string, sessionId: string): boolean => this.#isReachable(key, sessionId);
    const options = { localCwd, withinMs: listMs, remote, memory, isReachable };
    void listSessions(pool.all(), options).then((result) => {
      if (this.#lists.delete(list)) toClient.add(resultTextResponse(list.id, result));
    });
  }

  /** Whether a session of that thread is found by that id. */
  #isReachable(key: string, sessionId: string): boolean {
    const { keys, threads } = this.#options;
    if (threads.is === 'fixed') return key === keys.first;
    const own = parseClientSessionId(sessionId);
    // Where prompts name the thread, the next prompt binds the session to its own.
    return own !== undefined && (own.key === key || this.isToldByPrompts);
  }

  /** Handles a request about one session. */
  #requestOf(sessionId: string, line: Uint8Array, message: Request): void {
    const { keys, remote, threads, toClient } = this.#options;
    const isPrompt = message.method === 'session/prompt';
    const isFound = isReopening(message) && parseClientSessionId(sessionId) !== undefined;
    if (isFound && this.isToldByPrompts) {
      if (keys.isBound(sessionId)) {
        this.#ofSession(sessionId)?.requests.request(line, message, sessionId);
        return;
      }
      this.#unbound.add(sessionId, readSetup(line, message.params, remote));
    }
    if (this.#unbound.has(sessionId)) {
      if (!isPrompt) {
        toClient.add(this.#unbound.answer(sessionId, line, message));
        return;
      }
      this.#bind(sessionId, line, message);
    } else if (isPrompt && threads.is === 'auto' && this.#unprompted.has(sessionId)) {
      this.#rebind(sessionId, line, message);
    }
    if (isPrompt) this.#unprompted.delete(sessionId);
    else if (isReopening(message)) this.#unprompted.add(sessionId);
    this.#pass(sessionId, line, message);
    this.discardUnused();
  }

  #pass(sessionId: string, line: Uint8Array, message: Request): void {
    const own = this.#ofSession(sessionId);
    const stranger = this.#ofStranger(sessionId);
    if (own !== undefined) own.requests.request(line, message, sessionId);
    else if (stranger !== undefined) stranger.requests.request(line, message, undefined);
    else this.#options.toClient.add(errorResponse(textAt(line, message.id), noSuchSession(sessionId)));
  }

  /** Binds a session to the thread that its first prompt names. */
  #bind(sessionId: string, line: Uint8Array, message: Request): void {
    const { keys, pool } = this.#options;
    const unbound = this.#unbound.take(sessionId);
    const own = parseClientSessionId(sessionId);
    if (unbound === undefined || own === undefined) return;
    const key = threadKeyOf(line, message.params) ?? own.key;
    const { requests, thread } = pool.get(key);
    keys.bind(sessionId, key);
    thread.sessions.add(sessionId, key === own.key ? own.agentId : undefined, unbound.setup);
    for (const setting of unbound.settings) requests.repeat(setting, sessionId);
    this.discardUnused();
  }

  /** Moves a session, which was opened in a thread of its own, to the thread that its prompt names. */
  #rebind(sessionId: string, line: Uint8Array, message: Request): void {
    const { keys, pool } = this.#options;
    const key = threadKeyOf(line, message.params);
    const last = this.#ofSession(sessionId);
    if (key === undefined || last === undefined || last.key === key) return;
    const session = last.thread.sessions.find(sessionId);
    if (session === undefined) return;
    last.thread.sessions.forget(session);
    keys.bind(sessionId, key);
    pool.get(key).thread.sessions.add(sessionId, undefined, session.setup);
    if (last.thread.isUnused) pool.discard(last);
  }

  /** The thread that a session belongs to; the first one for a message that names no session. */
  #ofSession(sessionId: string | undefined): PooledThread | undefined {
    if (sessionId === undefined) return this.first;
    const { keys, pool } = this.#options;
    const key = keys.of(sessionId);
    return key === undefined || this.#unbound.has(sessionId) ? undefined : pool.get(key);
  }

  /** The thread whose agent used the id of this session, which was never opened by that id. */
  #ofStranger(sessionId: string | undefined): PooledThread | undefined {
    const { keys, pool } = this.#options;
    const key = sessionId === undefined ? undefined : keys.ofStranger(sessionId);
    return key === undefined ? undefined : pool.find(key);
  }
}

/** The list is shown to a user who waits for it, so the whole answer has to come within a second. */
const listMs = 800;
