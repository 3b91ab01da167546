import type { AgentLink, AgentLinkEvents, Provisions } from '../../agent/agent-link.ts';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AgentCalls } from '../client/agent-requests.ts';
import { ClientRequests } from '../thread/client-requests.ts';
import type { ClientOutput } from '../client/output.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import type { RemoteViewOptions } from '../client/remote-view.ts';
import { firstRequestId } from '../client/request-numbers.ts';
import { Thread } from '../thread/thread.ts';
import type { NoSession, ThreadPolicy } from '../thread/options.ts';
import type { SessionNaming } from '../thread/state/sessions.ts';

/** A thread with what goes with it. */
export interface PooledThread {
  readonly key: string;
  readonly thread: Thread;
  readonly requests: ClientRequests;
}

export interface ThreadPoolOptions {
  /** How the sessions of a thread are called on the client's side. */
  readonly namingOf: (key: string) => SessionNaming;
  readonly createLink: (key: string, events: AgentLinkEvents) => AgentLink;
  /** Ends a microVM; never fails. */
  readonly stopMachine: (key: string) => Promise<void>;
  readonly toClient: ClientOutput;
  readonly agentCalls: AgentCalls;
  readonly introduction: Introduction;
  readonly policy: ThreadPolicy;
  readonly remote: RemoteViewOptions;
  /** The agent of a thread spoke of a session that was never opened by name. */
  readonly onStranger: (key: string, sessionId: string) => void;
  /** The agent of a thread has opened a session, which the client is to call so. */
  readonly onSession: (key: string, clientId: string) => void;
  /** What is known of a thread's sessions has changed. */
  readonly onNoted: (pooled: PooledThread) => void;
  /** A session that the client asked for is not to be had in this thread. */
  readonly onNoSession: (pooled: PooledThread, why: NoSession) => void;
  /** The agent of a thread has accepted a login, or its end. */
  readonly onLogin: (pooled: PooledThread, request: Repeated) => void;
  /** What the microVM has for its agent. */
  readonly onProvisions: (provisions: Provisions) => void;
  /** A thread is of no more use; it is no longer in the pool. */
  readonly onFailed: (error: BridgeError) => void;
  readonly log: Log;
  /** A number from 0 up to 1. */
  readonly random: () => number;
}

/** The threads of this process, by key: each has an agent of its own, and is made when it is first needed. */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #threads = new Map<string, PooledThread>();
  /** Threads that failed, or that nobody needed, while they are being left. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  all(): PooledThread[] {
    return [...this.#threads.values()];
  }

  /** The thread of that key, if there is one here. */
  find(key: string): PooledThread | undefined {
    return this.#threads.get(key);
  }

  /** The thread of that key, which is made where there is none. */
  get(key: string): PooledThread {
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    const { createLink, namingOf, random, remote } = this.#options;
    const thread: Thread = new Thread({
      ...this.#options,
      naming: namingOf(key),
      createLink: (events) => createLink(key, events),
      firstNumber: firstRequestId(random()),
      onStranger: (sessionId) => this.#options.onStranger(key, sessionId),
      onSession: (clientId) => this.#options.onSession(key, clientId),
      onNoted: () => this.#options.onNoted(pooled),
      onNoSession: (why) => this.#options.onNoSession(pooled, why),
      onLogin: (request) => this.#options.onLogin(pooled, request),
      onFailed: (error) => {
        this.#remove(pooled, pooled.thread.close(leaveMs));
        this.#options.onFailed(error);
      },
    });
    const requests = new ClientRequests({ thread, remote });
    const pooled: PooledThread = { key, thread, requests };
    this.#threads.set(key, pooled);
    return pooled;
  }

  /** A thread that was begun in vain: its microVM is of no use. */
  discard(pooled: PooledThread): void {
    const wasBegun = pooled.thread.isBegun;
    const left = pooled.thread.close(leaveMs);
    this.#remove(pooled, wasBegun ? left.then(() => this.#options.stopMachine(pooled.key)) : left);
  }

  /** Leaves all threads, within `graceMs`; those microVMs are ended for which `isToEnd`. */
  async close(graceMs: number, isToEnd: (pooled: PooledThread) => boolean): Promise<void> {
    const left = this.all().map(async (pooled) => {
      const isEnded = pooled.thread.isBegun && isToEnd(pooled);
      await pooled.thread.close(isEnded ? graceMs / 2 : graceMs);
      if (isEnded) await this.#options.stopMachine(pooled.key);
    });
    await Promise.all([...left, ...this.#leaving]);
  }

  #remove(pooled: PooledThread, left: Promise<void>): void {
    if (this.#threads.get(pooled.key) === pooled) this.#threads.delete(pooled.key);
    const done = left.finally(() => this.#leaving.delete(done));
    this.#leaving.add(done);
  }
}

/** For a detach, and for the microVM to be ended. */
const leaveMs = 500;
