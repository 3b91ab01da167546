import type { AgentLink, EpochEvent } from '../../../agent/agent-link.ts';
import type { BridgeError } from '../../../base/errors.ts';
import { agentExited } from '../../message/errors.ts';
import type { AgentInfo } from './agent-info.ts';
import type { RpcError } from '../../message/json-rpc-errors.ts';

/** An agent that can be sent requests. */
export interface ReadyAgent {
  readonly epoch: string;
  /** The thread's directory in the microVM. */
  readonly cwd: string;
  /** What the agent offers; undefined if it was not asked. */
  readonly info: AgentInfo | undefined;
}

/** The state of a thread's agent through all its lives, and the steps that start or end one. */
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

  /** The agent; undefined unless it can be sent requests. */
  get agent(): ReadyAgent | undefined {
    return this.#state.is === 'ready' ? this.#state.agent : undefined;
  }

  /** Whether an agent runs that may be at work, introduced or not. */
  get hasAgent(): boolean {
    return this.#state.is === 'meeting' || this.#state.is === 'ready';
  }

  /** The error for every request, once the thread is over. */
  get error(): RpcError | undefined {
    return this.#state.is === 'over' ? this.#state.error : undefined;
  }

  /** The thread's directory in the microVM; `/` until it is known. */
  get cwd(): string {
    return this.#epoch?.cwd ?? '/';
  }

  /** Whether this bridge had the agent started, rather than found it running. */
  get isStartedHere(): boolean {
    return this.#epoch?.origin === 'started';
  }

  /**
   * Whether the shell was let go of and is not attached again yet. The microVM may have been reclaimed meanwhile, so
   * that a line may have to wait until another one has started.
   */
  get isComingBack(): boolean {
    return this.#shell === 'coming-back';
  }

  /** Whether a line can reach the agent without an attach. */
  get isAttached(): boolean {
    return this.hasAgent && this.#shell === 'held';
  }

  /** Whether the shell was let go of, and nothing has been sent since. */
  get isLetGo(): boolean {
    return this.#shell === 'let-go';
  }

  /** Lets go of the shell, until a line is sent. */
  letGo(): void {
    this.#shell = 'let-go';
    this.#link.letGo();
  }

  /** The link's state has changed. */
  onLinkState(state: 'waiting' | 'attached' | 'idle'): void {
    if (state === 'attached') this.#shell = 'held';
    else if (state === 'idle') this.#shell = 'let-go';
    else if (this.#shell === 'let-go') this.#shell = 'coming-back';
  }

  /** Attaches, and has an agent started if necessary. */
  wake(): void {
    if (this.#state.is === 'unbegun') {
      this.#link.attach();
    } else if (this.#state.is === 'ended') {
      this.#state = { is: 'unbegun' };
      this.#link.restart(agentExited({ code: 0 }));
      // The shell may have been left since the agent ended.
      this.#link.attach();
    }
  }

  /** An agent runs, which has to be introduced first. */
  begin(epoch: EpochEvent): void {
    this.#epoch = epoch;
    this.#state = { is: 'meeting' };
  }

  /** Introduces the agent again: when it began there was no `initialize` yet. */
  meet(): void {
    this.#state = { is: 'meeting' };
  }

  /** The agent has been introduced. Returns false if no agent is being introduced. */
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

  /** The thread is over: no agent is started any more. */
  giveUp(error: RpcError): void {
    this.#state = { is: 'over', error };
  }
}

type State =
  /** No agent is known yet, or the last one is being replaced. */
  | { readonly is: 'unbegun' }
  /** An agent runs, and is being introduced. */
  | { readonly is: 'meeting' }
  | { readonly is: 'ready'; readonly agent: ReadyAgent }
  /** The agent is being ended. What it still says is dropped. */
  | { readonly is: 'ending' }
  /** The agent ended. The next request has another one started. */
  | { readonly is: 'ended' }
  /** Every request gets this error. */
  | { readonly is: 'over'; readonly error: RpcError };
