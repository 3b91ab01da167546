import { type AgentInfo, agentInfo } from './state/agent-info.ts';
import type { Introduction, Repeated } from '../client/introduction.ts';
import type { RpcError } from '../message/json-rpc-errors.ts';
import { isObjectText, textAt } from '../message/json-text.ts';
import type { Response } from '../message/message.ts';
import type { OwnCall } from './state/calls.ts';

/** The result of introducing the client to an agent. */
export type Initialized =
  /** The agent's answer: a result or an error. */
  | { readonly is: 'answer'; readonly line: Uint8Array; readonly message: Response }
  /** What the agent answered an earlier bridge, as JSON text. */
  | { readonly is: 'known'; readonly result: string }
  /** The agent is gone, or can't be reached. */
  | { readonly is: 'failed'; readonly error: RpcError };

export interface AgentInitializeOptions {
  readonly introduction: Introduction;
  /** Sends a request of the client's to the current agent. */
  send(request: Repeated, onSettled: OwnCall['onSettled']): void;
  /** The agent has answered. `result` is JSON text, to be left for later bridges. */
  onAnswer(result: string): void;
  /** Other requests can now go to the agent. */
  onReady(): void;
}

/** Introduces the client to an agent with `initialize`, exactly once in the agent's life. */
export class AgentInitialize {
  readonly #options: AgentInitializeOptions;
  #waiting: ((initialized: Initialized) => void)[] = [];
  #info: AgentInfo | undefined;
  #result: string | undefined;

  constructor(options: AgentInitializeOptions) {
    this.#options = options;
  }

  /** What the current agent offers; undefined if it was not asked. */
  get info(): AgentInfo | undefined {
    return this.#info;
  }

  /** Calls back with the result, now or when it is there. The caller makes sure that there is an agent. */
  ask(onInitialized: (initialized: Initialized) => void): void {
    if (this.#result === undefined) this.#waiting.push(onInitialized);
    else onInitialized({ is: 'known', result: this.#result });
  }

  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** An agent runs. `note` is what it answered an earlier bridge, if there was one. */
  begin(note: string | undefined): void {
    this.#info = undefined;
    this.#result = undefined;
    const { initialize } = this.#options.introduction;
    // A microVM is not trusted to return the note unchanged.
    const info = note === undefined || !isObjectText(note) ? undefined : readInfo(note);
    if (note !== undefined && info !== undefined) {
      this.#know(note, info);
      this.#tell({ is: 'known', result: note });
      this.#options.onReady();
    } else if (initialize === undefined) {
      this.#options.onReady();
    } else {
      // Called for each agent, since each is introduced.
      this.#options.send(initialize, (outcome) => {
        if (outcome.is === 'answered') this.#onAnswer(outcome.line, outcome.message);
      });
    }
  }

  /** The agent is gone or out of reach: those who wait are told. */
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
    // If the agent refuses the login, it does so again at the next request, so the outcome is ignored here.
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
