import type { Repeated } from '../../client/introduction.ts';
import { OpenRequests } from '../../client/request-numbers.ts';
import type { RpcError } from '../../message/json-rpc-errors.ts';
import { textAt } from '../../message/json-text.ts';
import type { Response } from '../../message/message.ts';
import type { SessionSetup } from './session-setup.ts';

/** A request to the agent, from the time when the bridge has it until it is settled, which happens exactly once. */
export type Call = ClientCall | OwnCall;

export interface ClientCall extends AnyCall {
  readonly kind: 'client';
  /** The client's id, as JSON text. */
  readonly id: string;
  readonly purpose: Purpose;
}

/** A request of the bridge's own, unknown to the client. */
export interface OwnCall extends AnyCall {
  readonly kind: 'own';
  /**
   * `introduction`: tells the agent who its client is. `question`: asks only the current agent. `repeat`: repeats a
   * request that the client has an answer to.
   */
  readonly purpose: 'introduction' | 'question' | 'repeat';
  readonly onSettled: (outcome: Outcome) => void;
}

interface AnyCall {
  /** The id that the agent sees. */
  readonly number: number;
  readonly method: string;
  /** The client's id of the session that the request is about. */
  readonly sessionId: string | undefined;
  /**
   * `waiting`: for an agent, for its session, for the end of a cancelled turn, or for the link. `sent`: the link has pulled
   * it, and it is lost with the current agent.
   */
  state: 'waiting' | 'sent';
}

/** What a request of the client's changes besides giving an answer. */
export type Purpose =
  | { readonly is: 'prompt'; readonly sessionId: string }
  /** Opens a session that has no id yet. `parent`: the client's id of the session that is forked. */
  | { readonly is: 'new'; readonly setup: SessionSetup; readonly parent: string | undefined }
  /** Opens a session again that the client knows. */
  | { readonly is: 'reopen'; readonly sessionId: string; readonly setup: SessionSetup }
  | { readonly is: 'close'; readonly sessionId: string }
  | { readonly is: 'delete'; readonly sessionId: string }
  | { readonly is: 'authenticate'; readonly request: Repeated }
  | { readonly is: 'logout'; readonly request: Repeated }
  | { readonly is: 'other' };

/** How a request ended. */
export type Outcome =
  /** The agent has answered. */
  | { readonly is: 'answered'; readonly line: Uint8Array; readonly message: Response }
  /** The bridge itself answers: JSON text, with the agent's ids of sessions. */
  | { readonly is: 'told'; readonly result: string }
  /** There is no answer: the request was withdrawn, the agent is gone, or the bridge leaves. */
  | { readonly is: 'failed'; readonly error: RpcError }
  /** The client has cancelled the turn of this prompt, and the agent did not end it. */
  | { readonly is: 'cancelled' };

export type NewCall = Omit<ClientCall, 'number' | 'state'> | Omit<OwnCall, 'number' | 'state'>;

/** The open requests to one thread's agent. */
export class Calls {
  readonly #open: OpenRequests<Call>;
  readonly #onSettled: (call: Call, outcome: Outcome) => void;

  /**
   * @param firstNumber first of the numbers that the agent sees as ids
   * @param onSettled called once for each call
   */
  constructor(firstNumber: number, onSettled: (call: Call, outcome: Outcome) => void) {
    this.#open = new OpenRequests(firstNumber);
    this.#onSettled = onSettled;
  }

  add(call: NewCall): Call {
    const added: Call = { ...call, number: this.#open.next, state: 'waiting' };
    this.#open.open(added);
    return added;
  }

  get(number: number): Call | undefined {
    return this.#open.get(number);
  }

  /** The client's open request with this id, which is JSON text. */
  ofClient(id: string): ClientCall | undefined {
    return this.all().find((call) => call.kind === 'client' && call.id === id) as ClientCall | undefined;
  }

  has({ number }: Call): boolean {
    return this.#open.get(number) !== undefined;
  }

  all(): Call[] {
    return this.#open.entries().map(([, call]) => call);
  }

  promptsOf(sessionId: string): Call[] {
    return this.all().filter((call) => call.method === 'session/prompt' && call.sessionId === sessionId);
  }

  /** The call that a response of the agent answers. */
  answeredBy(line: Uint8Array, { id }: Response): Call | undefined {
    return this.#open.get(Number(textAt(line, id)));
  }

  /** Settles a call. Does nothing if it is settled already. */
  settle(call: Call, outcome: Outcome): void {
    if (this.#open.close(String(call.number)) !== undefined) this.#onSettled(call, outcome);
  }

  settleAll(isSo: (call: Call) => boolean, outcome: Outcome): void {
    for (const [, call] of this.#open.closeAll(isSo)) this.#onSettled(call, outcome);
  }

  /** Whether the client waits for an answer. */
  get isClientWaiting(): boolean {
    return this.#open.has(({ kind }) => kind === 'client');
  }
}
