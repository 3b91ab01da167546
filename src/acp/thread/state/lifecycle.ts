import type { AgentLink, EpochEvent } from '../../../agent/agent-link.ts';
import type { BridgeError } from '../../../base/errors.ts';
import { agentExited } from '../../message/errors.ts';
import type { AgentInfo } from './agent-info.ts';
import type { RpcError } from '../../message/json-rpc-errors.ts';

/** An agent that requests can go to. */
export interface ReadyAgent {
  readonly epoch: string;
  /** The directory of its thread. */
  readonly cwd: string;
  /** What it offers; undefined where it was not asked. */
  readonly info: AgentInfo | undefined;
}

/** Where a thread's agent stands, through all its lives, and how the next life comes about. */
export class Lifecycle {
  readonly #link: AgentLink;
  #state: State = { is: 'unbegun' };
  #epoch: EpochEvent | undefined;
  #shell: 'held' | 'let-go' | 'coming-back' = 'held';

  constructor(link: AgentLink) {
    this.#link = link;
  }

  get is(): State['is'] {
    return this.#state.is;
  }

  /** Undefined while there is none that requests can go to. */
  get agent(): ReadyAgent | undefined {
    return this.#state.is === 'ready' ? this.#state.agent : undefined;
  }

  /** Whether one runs that may be at work, introduced or not. */
  get hasAgent(): boolean {
    return this.#state.is === 'meeting' || this.#state.is === 'ready';
  }

  /** What every request gets for an answer, once it is over. */
  get error(): RpcError | undefined {
    return this.#state.is === 'over' ? this.#state.error : undefined;
  }

  /** The directory of the thread, as far as it is known. */
  get cwd(): string {
    return this.#epoch?.cwd ?? '/';
  }

  /** Whether this bridge had the agent started, rather than found it. */
  get isStartedHere(): boolean {
    return this.#epoch?.origin === 'started';
  }

  /**
   * Whether the shell was let go of and is not there again yet: the microVM may have been reclaimed meanwhile, so that
   * what is sent waits for another one to start.
   */
  get isComingBack(): boolean {
    return this.#shell === 'coming-back';
  }

  /** Whether something that is sent gets to the agent without its microVM being brought back. */
  get isAttached(): boolean {
    return this.hasAgent && this.#shell === 'held';
  }

  /** Whether the shell was let go of, and nothing has been sent since. */
  get isLetGo(): boolean {
    return this.#shell === 'let-go';
  }

  /** Lets go of the shell, until something is sent. */
  letGo(): void {
    this.#shell = 'let-go';
    this.#link.letGo();
  }

  /** The link says where it stands. */
  onLinkState(state: 'waiting' | 'attached' | 'idle'): void {
    if (state === 'attached') this.#shell = 'held';
    else if (state === 'idle') this.#shell = 'let-go';
    else if (this.#shell === 'let-go') this.#shell = 'coming-back';
  }

  /** Sees to it that there is an agent, or will be. */
  wake(): void {
    if (this.#state.is === 'unbegun') {
      this.#link.attach();
    } else if (this.#state.is === 'ended') {
      this.#state = { is: 'unbegun' };
      this.#link.restart(agentExited({ code: 0 }));
    }
  }

  /** An agent runs. It is introduced first. */
  begin(epoch: EpochEvent): void {
    this.#epoch = epoch;
    this.#state = { is: 'meeting' };
  }

  /** The agent is introduced again: there was nobody to introduce when it came. */
  meet(): void {
    this.#state = { is: 'meeting' };
  }

  /** The agent was introduced. False if it is none that waits for that. */
  ready(info: AgentInfo | undefined): boolean {
    if (this.#epoch === undefined || this.#state.is !== 'meeting') return false;
    const { epoch, cwd } = this.#epoch;
    this.#state = { is: 'ready', agent: { epoch, cwd, info } };
    return true;
  }

  /** Ends the agent, and starts another one. */
  replace(cause: BridgeError): void {
    this.#state = { is: 'ending' };
    this.#link.restart(cause);
  }

  /** The agent ended by itself. */
  exited(): void {
    this.#state = { is: 'ended' };
  }

  /** There will be no agent any more. */
  giveUp(error: RpcError): void {
    this.#state = { is: 'over', error };
  }
}

type State =
  /** No agent was heard of yet, or the last one is to be followed by another. */
  | { readonly is: 'unbegun' }
  /** One runs, and is being introduced. */
  | { readonly is: 'meeting' }
  | { readonly is: 'ready'; readonly agent: ReadyAgent }
  /** It is being ended: what it still says is of no use. */
  | { readonly is: 'ending' }
  /** It ended; the next request has another one started. */
  | { readonly is: 'ended' }
  /** Every request gets this answer. */
  | { readonly is: 'over'; readonly error: RpcError };
