import type { Call, Calls } from '../state/calls.ts';
import { methodOf, type Outgoing } from '../state/outgoing.ts';

export interface CancelPolicy {
  /**
   * What `session/cancel` does. `stop`: the agent is told, and ended if it does not end the turn within the grace.
   * `forward`: the agent is told. `noop`: nothing.
   */
  readonly strategy: 'stop' | 'forward' | 'noop';
  readonly graceMs: number;
}

/**
 * The turns that the client has cancelled. A cancel overtakes all other lines. An agent never sees a prompt that was
 * cancelled before all of it was sent. The next prompt of a conversation waits until the cancelled turn has ended, so
 * that the output of one does not get into the other.
 */
export class Cancels {
  readonly #policy: CancelPolicy;
  readonly #calls: Calls;
  readonly #withdraw: (call: Call) => boolean;
  readonly #endAgent: () => void;
  /** By the client's id of the session. */
  readonly #ending = new Map<string, Ending>();

  /**
   * @param withdraw keeps a request from the agent; false if the agent may have read all of it
   * @param endAgent ends the agent and starts another one
   */
  constructor(policy: CancelPolicy, calls: Calls, withdraw: (call: Call) => boolean, endAgent: () => void) {
    this.#policy = policy;
    this.#calls = calls;
    this.#withdraw = withdraw;
    this.#endAgent = endAgent;
  }

  /** @param tell passes the cancel to the agent, before all lines that wait */
  cancel(sessionId: string, tell: () => void): void {
    if (this.#policy.strategy === 'noop') return;
    const prompts = this.#calls.promptsOf(sessionId);
    const unseen = prompts.filter((call) => this.#withdraw(call));
    for (const call of unseen) this.#calls.settle(call, { is: 'cancelled' });
    const isAgentAtIt = unseen.length < prompts.length;
    if (isAgentAtIt || unseen.length === 0) tell();
    if (isAgentAtIt && this.#policy.strategy === 'stop' && !this.#ending.has(sessionId)) {
      const deadline = setTimeout(() => this.#onGraceOver(sessionId), this.#policy.graceMs);
      this.#ending.set(sessionId, { deadline, held: [] });
    }
  }

  /** Whether the line is held until `turnEnded` returns it. */
  hold(outgoing: Outgoing): boolean {
    const ending = outgoing.sessionId === undefined ? undefined : this.#ending.get(outgoing.sessionId);
    if (ending === undefined || methodOf(outgoing) !== 'session/prompt') return false;
    ending.held.push(outgoing);
    return true;
  }

  /** A prompt of the session was answered, or has failed. Returns the lines that waited for that. */
  turnEnded(sessionId: string): Outgoing[] {
    const ending = this.#ending.get(sessionId);
    const isAgentAtIt = this.#calls.promptsOf(sessionId).some(isSent);
    if (ending === undefined || isAgentAtIt) return [];
    clearTimeout(ending.deadline);
    this.#ending.delete(sessionId);
    return ending.held;
  }

  /** The agent is gone, and so are all its turns. Returns the lines that waited for their end. */
  clear(): Outgoing[] {
    const held = [...this.#ending.values()].flatMap((ending) => {
      clearTimeout(ending.deadline);
      return ending.held;
    });
    this.#ending.clear();
    return held;
  }

  #onGraceOver(sessionId: string): void {
    for (const call of this.#calls.promptsOf(sessionId).filter(isSent)) {
      this.#calls.settle(call, { is: 'cancelled' });
    }
    this.#endAgent();
  }
}

function isSent({ state }: Call): boolean {
  return state === 'sent';
}

interface Ending {
  readonly deadline: NodeJS.Timeout;
  readonly held: Outgoing[];
}
