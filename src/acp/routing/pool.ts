import type { AgentInput, AgentLink, AgentLinkEvents, Provisions } from '../../agent/agent-link.ts';
import type { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { AgentRequests } from '../client/agent-requests.ts';
import { ClientRequests } from '../thread/client-requests.ts';
import type { ClientOutput } from '../client/output.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import type { RemoteViewOptions } from '../client/remote-view.ts';
import { firstRequestId } from '../client/request-numbers.ts';
import { Thread } from '../thread/thread.ts';
import type { NoSession, ThreadPolicy } from '../thread/options.ts';
import type { SessionNaming } from '../thread/state/sessions.ts';

/** A thread, its key, and what belongs to it. */
export interface PooledThread {
  readonly key: string;
  readonly thread: Thread;
  readonly requests: ClientRequests;
}

export interface ThreadPoolOptions {
  /** How the client's ids of a thread's sessions are made and read. */
  readonly namingOf: (key: string) => SessionNaming;
  readonly createLink: (key: string, input: AgentInput, events: AgentLinkEvents) => AgentLink;
  /** Ends a microVM; never fails. */
  readonly stopMachine: (key: string) => Promise<void>;
  readonly toClient: ClientOutput;
  readonly agentRequests: AgentRequests;
  readonly introduction: Introduction;
  readonly policy: ThreadPolicy;
  readonly remote: RemoteViewOptions;
  /** The agent of a thread used the id of a session that was never opened by that id. */
  readonly onStranger: (key: string, sessionId: string) => void;
  /** The agent of a thread has opened a session; `clientId` is the client's id for it. */
  readonly onSession: (key: string, clientId: string) => void;
  /** What is known of a thread's sessions has changed. */
  readonly onNoted: (pooled: PooledThread) => void;
  /** A session that the client asked for could not be opened in this thread. */
  readonly onNoSession: (pooled: PooledThread, why: NoSession) => void;
  /** The agent of a thread has accepted `authenticate` or `logout`. */
  readonly onLogin: (pooled: PooledThread, request: Repeated) => void;
  /** What the microVM provides for its agent. */
  readonly onProvisions: (provisions: Provisions) => void;
  /** A thread has failed; it is no longer in the pool. */
  readonly onFailed: (error: BridgeError) => void;
  readonly log: Log;
  /** A number from 0 up to 1. */
  readonly random: () => number;
}

/** The threads of this process, by key. Each has an agent of its own, and is made when it is first needed. */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #threads = new Map<string, PooledThread>();
  /** Threads that failed or were discarded, while they are being closed. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  all(): PooledThread[] {
    return [...this.#threads.values()];
  }

  /** The thread with this key, if this process has it. */
  find(key: string): PooledThread | undefined {
    return this.#threads.get(key);
  }

  /** The thread with this key. It is made if this process does not have it. */
  get(key: string): PooledThread {
    const known = this.#threads.get(key);
    if (known !== undefined) return known;
    const { createLink, namingOf, random, remote } = this.#options;
    const thread: Thread = new Thread({
      ...this.#options,
      naming: namingOf(key),
      createLink: (input, events) => createLink(key, input, events),
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

  /** Closes a thread that is not needed, and ends its microVM. */
  discard(pooled: PooledThread): void {
    const wasBegun = pooled.thread.isBegun;
    const left = pooled.thread.close(leaveMs);
    this.#remove(pooled, wasBegun ? left.then(() => this.#options.stopMachine(pooled.key)) : left);
  }

  /** Closes all threads within `graceMs`. Ends the microVMs for which `isToEnd` is true. */
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

/** Time to detach and to end the microVM. */
const leaveMs = 500;
