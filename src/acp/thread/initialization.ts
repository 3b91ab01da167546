import { type AgentInfo, agentInfo } from './state/agent-info.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import type { RpcError } from '../message/json-rpc-errors.ts';
import { isObjectText, textAt } from '../message/json-text.ts';
import type { Response } from '../message/message.ts';
import type { OwnCall } from './state/calls.ts';

/** How an agent took the client's `initialize`. */
export type Initialized =
  /** Its answer, good or bad. */
  | { readonly is: 'answer'; readonly line: Uint8Array; readonly message: Response }
  /** What it answered an earlier bridge, as JSON text. */
  | { readonly is: 'known'; readonly result: string }
  /** It is gone, or can't be reached. */
  | { readonly is: 'failed'; readonly error: RpcError };

export interface InitializationOptions {
  readonly introduction: Introduction;
  /** Sends a request of the client's to the agent that runs now. */
  send(request: Repeated, onSettled: OwnCall['onSettled']): void;
  /** The agent said this of itself: JSON text, to be left for later bridges. */
  onAnswer(result: string): void;
  /** Requests can go to the agent. */
  onReady(): void;
}

/** Introduces the client to one agent, which each agent needs once in its life, and only once. */
export class Initialization {
  readonly #options: InitializationOptions;
  #waiting: ((initialized: Initialized) => void)[] = [];
  #info: AgentInfo | undefined;
  #result: string | undefined;

  constructor(options: InitializationOptions) {
    this.#options = options;
  }

  /** What the agent that runs now offers; undefined if nobody has asked it. */
  get info(): AgentInfo | undefined {
    return this.#info;
  }

  /** Tells how the agent takes, or took, the introduction. Whoever asks sees to it that there is an agent. */
  ask(onInitialized: (initialized: Initialized) => void): void {
    if (this.#result === undefined) this.#waiting.push(onInitialized);
    else onInitialized({ is: 'known', result: this.#result });
  }

  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** An agent runs; `note` is what it answered an earlier bridge, where there was one. */
  begin(note: string | undefined): void {
    this.#info = undefined;
    this.#result = undefined;
    const { initialize } = this.#options.introduction;
    // A microVM is not trusted to give back what was left in it.
    const info = note === undefined || !isObjectText(note) ? undefined : readInfo(note);
    if (note !== undefined && info !== undefined) {
      this.#know(note, info);
      this.#tell({ is: 'known', result: note });
      this.#options.onReady();
    } else if (initialize === undefined) {
      this.#options.onReady();
    } else {
      // The next agent is introduced anew.
      this.#options.send(initialize, (outcome) => {
        if (outcome.is === 'answered') this.#onAnswer(outcome.line, outcome.message);
      });
    }
  }

  /** The agent is gone, or the way to it: who waits is told. */
  fail(error: RpcError): void {
    this.#tell({ is: 'failed', error });
  }

  #onAnswer(line: Uint8Array, message: Response): void {
    const result = message.outcome === 'result' ? textAt(line, message.value) : undefined;
    const info = result === undefined ? undefined : readInfo(result);
    if (result !== undefined && info !== undefined) {
      this.#know(result, info);
      this.#options.onAnswer(result);
    }
    this.#tell({ is: 'answer', line, message });
    const { authenticate } = this.#options.introduction;
    // An agent that does not take it says so again when it is asked for something.
    if (authenticate === undefined || info === undefined) this.#options.onReady();
    else
      this.#options.send(authenticate, ({ is }) => {
        if (is === 'answered') this.#options.onReady();
      });
  }

  #know(result: string, info: AgentInfo): void {
    this.#result = result;
    this.#info = info;
  }

  #tell(initialized: Initialized): void {
    for (const onInitialized of this.#waiting.splice(0)) onInitialized(initialized);
  }
}

function readInfo(result: string): AgentInfo | undefined {
  try {
    return agentInfo(result);
  } catch {
    return undefined;
  }
}
