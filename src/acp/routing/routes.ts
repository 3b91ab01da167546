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
 * Which thread each of the client's requests goes to. Where prompts tell the thread, a session is bound to one by its first
 * prompt, and until then it has no agent.
 */
export class SessionRoutes {
  readonly #options: SessionRoutesOptions;
  readonly #unbound: UnboundSessions;
  /** Sessions that had no prompt yet in this process. */
  readonly #unprompted = new Set<string>();
  /** The client's requests for a list of all threads' sessions, by their ids as JSON text, until they are answered. */
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

  /** Where all goes that names no session: the first thread, or another one where that would need a microVM. */
  get #any(): PooledThread {
    const { keys, pool } = this.#options;
    if (pool.find(keys.first)?.thread.isBegun === true) return this.first;
    return pool.all().find(({ thread }) => thread.isBegun) ?? this.first;
  }

  /** The thread of a session; undefined for one that is nobody's yet, or that nothing is known of. */
  find(sessionId: string | undefined): PooledThread | undefined {
    return this.#ofSession(sessionId) ?? this.#ofStranger(sessionId);
  }

  /** Whether the client says with its prompts which thread they belong to. */
  get isToldByPrompts(): boolean {
    const { introduction, threads } = this.#options;
    return isToldByPrompts(threads, introduction.clientName);
  }

  /** @param line A request but `initialize`, in the microVM's terms, but for names and `cwd` */
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
   * A session that the client asked for is not to be had. A thread that was begun for it is of no use, but where a login
   * is wanted, which is made there: then the next session is its.
   */
  onNoSession(pooled: PooledThread, why: NoSession): void {
    const { keys, pool, threads } = this.#options;
    if (threads.is === 'fixed' || this.isToldByPrompts) return;
    // What else the end of the request brings about comes first.
    queueMicrotask(() => {
      const isOurs = pool.find(pooled.key) === pooled && pooled.thread.isUnused && !this.#isLeaving;
      if (!isOurs || (why === 'login' && keys.spare(pooled.key))) return;
      keys.drop(pooled.key);
      pool.discard(pooled);
    });
  }

  /** The agent of a thread has accepted a login, or its end: all others that live get it as well. */
  onLogin(pooled: PooledThread, request: Repeated): void {
    for (const each of this.#options.pool.all()) if (each !== pooled) each.requests.repeatToLiving(request);
  }

  /** Answers what no thread answers by itself: the bridge leaves. */
  leave(error: RpcError): void {
    this.#isLeaving = true;
    for (const { id } of this.#lists) this.#options.toClient.add(errorResponse(id, error));
    this.#lists.clear();
  }

  /** The agent of the thread of that key has opened a session, which the client calls so. */
  onOpened(key: string, clientId: string): void {
    this.#options.keys.bind(clientId, key);
    this.#unprompted.add(clientId);
  }

  /** Leaves the agent that answered `initialize`: it is nobody's, once the first session belongs to another thread. */
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

  /** Whether a session of that thread is found again by that name. */
  #isReachable(key: string, sessionId: string): boolean {
    const { keys, threads } = this.#options;
    if (threads.is === 'fixed') return key === keys.first;
    const own = parseClientSessionId(sessionId);
    // Where prompts tell the thread, the next one leads a session to its own.
    return own !== undefined && (own.key === key || this.isToldByPrompts);
  }

  /** A request about one session. */
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

  /** The first prompt of a session tells its thread. */
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

  /** A session that was opened at an agent of its own turns out to belong to another thread. */
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

  /** The thread that a session belongs to; the first one for what names no session. */
  #ofSession(sessionId: string | undefined): PooledThread | undefined {
    if (sessionId === undefined) return this.first;
    const { keys, pool } = this.#options;
    const key = keys.of(sessionId);
    return key === undefined || this.#unbound.has(sessionId) ? undefined : pool.get(key);
  }

  /** The thread whose agent spoke of this session, which it never opened by name. */
  #ofStranger(sessionId: string | undefined): PooledThread | undefined {
    const { keys, pool } = this.#options;
    const key = sessionId === undefined ? undefined : keys.ofStranger(sessionId);
    return key === undefined ? undefined : pool.find(key);
  }
}

/** Clients show the list to a person who waits for it: within a second all is there. */
const listMs = 800;
