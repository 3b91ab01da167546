import type { AgentLink, AgentLinkEvents, EpochEvent } from '../agent/agent-link.ts';
import type { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AgentCalls } from './agent-calls.ts';
import { ClientRequests } from './client-requests.ts';
import type { ClientOutput } from './client-output.ts';
import type { Introduction } from './introduction.ts';
import { mappedPath, type RemoteViewOptions } from './remote-view.ts';
import { firstRequestId } from './request-ids.ts';
import { Thread } from './thread.ts';
import type { ThreadPolicy } from './thread-options.ts';
import type { SessionNaming } from './thread-sessions.ts';

/** A thread with what goes with it. */
export interface Member {
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
  readonly policy: Omit<ThreadPolicy, 'mappedCwd'>;
  readonly remote: RemoteViewOptions;
  readonly onStranger: (member: Member, sessionId: string) => void;
  readonly onSession: (member: Member, clientId: string) => void;
  readonly onKeeping: (keeping: EpochEvent['keeping']) => void;
  readonly onFailed: (member: Member, error: BridgeError) => void;
  readonly log: Log;
  /** A number from 0 up to 1. */
  readonly random: () => number;
}

/** The threads of this process, by key: each has an agent of its own, and is made when it is first needed. */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #members = new Map<string, Member>();
  /** Threads that failed, or that nobody needed, while they are being left. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
  }

  all(): Member[] {
    return [...this.#members.values()];
  }

  /** The thread of that key, if there is one here. */
  find(key: string): Member | undefined {
    return this.#members.get(key);
  }

  /** The thread of that key. */
  get(key: string): Member {
    const known = this.#members.get(key);
    if (known !== undefined) return known;
    const { createLink, introduction, namingOf, policy, random, remote } = this.#options;
    const naming = namingOf(key);
    const thread: Thread = new Thread({
      ...this.#options,
      naming,
      createLink: (events) => createLink(key, events),
      firstNumber: firstRequestId(random()),
      policy: { ...policy, mappedCwd: (path) => mappedPath(path, remote) },
      onStranger: (sessionId) => this.#options.onStranger(member, sessionId),
      onFailed: (error) => {
        this.#remove(member, member.thread.close(leaveMs));
        this.#options.onFailed(member, error);
      },
    });
    const requests = new ClientRequests({
      thread,
      introduction,
      remote,
      isOurs: (sessionId) => naming.parse(sessionId) !== undefined,
      clientIdOf: (agentId) => {
        const clientId = naming.clientIdOf(agentId);
        this.#options.onSession(member, clientId);
        return clientId;
      },
    });
    const member: Member = { key, thread, requests };
    this.#members.set(key, member);
    return member;
  }

  /** A thread that was begun in vain: its microVM is of no use. */
  discard(member: Member): void {
    const wasBegun = member.thread.isBegun;
    const left = member.thread.close(leaveMs);
    this.#remove(member, wasBegun ? left.then(() => this.#options.stopMachine(member.key)) : left);
  }

  /** Leaves all threads, within `graceMs`; those microVMs are ended for which `isToEnd`. */
  async close(graceMs: number, isToEnd: (member: Member) => boolean): Promise<void> {
    const left = this.all().map(async (member) => {
      const isEnded = member.thread.isBegun && isToEnd(member);
      await member.thread.close(isEnded ? graceMs / 2 : graceMs);
      if (isEnded) await this.#options.stopMachine(member.key);
    });
    await Promise.all([...left, ...this.#leaving]);
  }

  #remove(member: Member, left: Promise<void>): void {
    if (this.#members.get(member.key) === member) this.#members.delete(member.key);
    const done = left.finally(() => this.#leaving.delete(done));
    this.#leaving.add(done);
  }
}

/** For a detach, and for the microVM to be ended. */
const leaveMs = 500;
