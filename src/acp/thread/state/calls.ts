import type { Repeated } from '../../client/introduction.ts';
import { OpenRequests } from '../../client/request-numbers.ts';
import type { RpcError } from '../../message/json-rpc-errors.ts';
import { textAt } from '../../message/json-text.ts';
import type { Response } from '../../message/message.ts';
import type { SessionSetup } from './session-setup.ts';

/** A request that the agent is to answer, from when the bridge has it until it is settled, which it is exactly once. */
export type Call = ClientCall | OwnCall;

export interface ClientCall extends AnyCall {
  readonly kind: 'client';
  /** As the client wrote it, in JSON. */
  readonly id: string;
  readonly purpose: Purpose;
}

/** A request of the bridge's own, of which the client knows nothing. */
export interface OwnCall extends AnyCall {
  readonly kind: 'own';
  /**
   * `introduction`: tells the agent who its client is. `question`: what only the agent that runs now is asked. `repeat`:
   * repeats what the client has an answer to.
   */
  readonly purpose: 'introduction' | 'question' | 'repeat';
  readonly onSettled: (outcome: Outcome) => void;
}

interface AnyCall {
  /** What the agent knows it by. */
  readonly number: number;
  readonly method: string;
  /** The client's name of the session that it is about. */
  readonly sessionId: string | undefined;
  /** What goes to the next agent, should the one that it was for be gone: undefined where it goes as the link gives it back. */
  readonly request: Repeated | undefined;
  state: CallState;
}

export type CallState =
  /** For an agent, for its session, or for the end of the turn before. */
  | { readonly is: 'waiting' }
  /** The link has it, under this ticket. */
  | { readonly is: 'sent'; readonly ticket: number };

/** What a request of the client's is to bring about, besides an answer. */
export type Purpose =
  | { readonly is: 'prompt'; readonly sessionId: string }
  /** A session that has no name yet. `parent`: of a fork, the client's name of the session that it is of. */
  | { readonly is: 'new'; readonly setup: SessionSetup; readonly parent: string | undefined }
  /** A session that the client knows is to be brought back. */
  | { readonly is: 'reopen'; readonly sessionId: string; readonly setup: SessionSetup }
  | { readonly is: 'close'; readonly sessionId: string }
  | { readonly is: 'delete'; readonly sessionId: string }
  | { readonly is: 'authenticate'; readonly request: Repeated }
  | { readonly is: 'logout'; readonly request: Repeated }
  | { readonly is: 'other' };

/** What became of a request. */
export type Outcome =
  /** The agent has answered. */
  | { readonly is: 'answered'; readonly line: Uint8Array; readonly message: Response }
  /** The bridge knows the result: JSON text, with the agent's names of sessions. */
  | { readonly is: 'told'; readonly result: string }
  /** Nothing will come of it: it was withdrawn, the agent is gone, or the bridge leaves. */
  | { readonly is: 'failed'; readonly error: RpcError }
  /** The client has cancelled the turn of this prompt, and the agent does not end it. */
  | { readonly is: 'cancelled' };

export type NewCall = Omit<ClientCall, 'number' | 'state'> | Omit<OwnCall, 'number' | 'state'>;

/** What one agent was asked, or is to be, and has not answered. */
export class Calls {
  readonly #open: OpenRequests<Call>;
  readonly #onSettled: (call: Call, outcome: Outcome) => void;

  /**
   * @param firstNumber The first of the numbers that the agent knows the requests by.
   * @param onSettled Told once of each call
   */
  constructor(firstNumber: number, onSettled: (call: Call, outcome: Outcome) => void) {
    this.#open = new OpenRequests(firstNumber);
    this.#onSettled = onSettled;
  }

  add(call: NewCall): Call {
    const added: Call = { ...call, number: this.#open.next, state: { is: 'waiting' } };
    this.#open.open(added);
    return added;
  }

  get(number: number): Call | undefined {
    return this.#open.get(number);
  }

  /** The client's request of this id, which is JSON text. */
  ofClient(id: string): ClientCall | undefined {
    return this.all().find((call) => call.kind === 'client' && call.id === id) as ClientCall | undefined;
  }

  withTicket(ticket: number): Call | undefined {
    return this.all().find(({ state }) => state.is === 'sent' && state.ticket === ticket);
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

  /** The call that an agent's answer is to. */
  answeredBy(line: Uint8Array, { id }: Response): Call | undefined {
    return this.#open.get(Number(textAt(line, id)));
  }

  /** Without effect on a call that is settled. */
  settle(call: Call, outcome: Outcome): void {
    if (this.#open.close(String(call.number)) !== undefined) this.#onSettled(call, outcome);
  }

  settleAll(isSo: (call: Call) => boolean, outcome: Outcome): void {
    for (const [, call] of this.#open.closeAll(isSo)) this.#onSettled(call, outcome);
  }

  /** Whether the client waits for an answer. */
  get isClientWaiting(): boolean {
    return this.all().some(({ kind }) => kind === 'client');
  }
}
