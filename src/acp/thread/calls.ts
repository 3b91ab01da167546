import type { RpcError } from '../message/json-rpc-errors.ts';
import { textAt } from '../message/json-text.ts';
import type { Response } from '../message/message.ts';
import { type Call, ours } from './outgoing.ts';
import { OpenRequests } from '../client/request-numbers.ts';

/** What one agent was asked, or is to be, and has not answered. */
export class OpenCalls {
  readonly #open: OpenRequests<Call>;

  /** @param firstNumber The first of the numbers that the agent knows the requests by. */
  constructor(firstNumber: number) {
    this.#open = new OpenRequests(firstNumber);
  }

  /** Returns the number that the agent is to know it by. */
  add(call: Call): number {
    return this.#open.open(call);
  }

  get(number: number): Call | undefined {
    return this.#open.get(number);
  }

  /** The number of the client's request of this id, which is JSON text. */
  numberOf(clientId: string): number | undefined {
    return this.#open.numberOf(clientId);
  }

  withTicket(ticket: number): [number: number, call: Call] | undefined {
    return this.#open.entries().find(([, call]) => call.ticket === ticket);
  }

  has(call: Call): boolean {
    return this.all().includes(call);
  }

  all(): Call[] {
    return this.#open.entries().map(([, call]) => call);
  }

  promptsOf(sessionId: string): Call[] {
    return this.all().filter((call) => call.method === 'session/prompt' && call.sessionId === sessionId);
  }

  /** Passes the agent's answer on. Returns the number it answers, if nothing is open under it. */
  answer(line: Uint8Array, message: Response): number | undefined {
    const text = textAt(line, message.id);
    const call = this.#open.close(text);
    call?.answered(line, message);
    return call === undefined ? Number(text) : undefined;
  }

  /** Takes out the calls for which `isSo`, with their numbers; whoever takes them tells whoever asked. */
  take(isSo: (call: Call) => boolean): [number: number, call: Call][] {
    return this.#open.closeAll(isSo);
  }

  failAll(isSo: (call: Call) => boolean, error: RpcError): void {
    for (const [, call] of this.take(isSo)) call.failed(error);
  }

  /** Whether the client waits for an answer. */
  get isClientWaiting(): boolean {
    return this.all().some(({ id }) => id !== ours);
  }
}
