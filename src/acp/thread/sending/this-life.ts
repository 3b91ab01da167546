import type { AgentLink } from '../../../agent/agent-link.ts';

/** Sends lines that concern only the current agent: answers to its requests, and cancels. */
export class ThisLife {
  readonly #link: AgentLink;
  #tickets: number[] = [];

  constructor(link: AgentLink) {
    this.#link = link;
  }

  send(line: Uint8Array, options?: { urgent: boolean }): void {
    this.#tickets.push(this.#link.send(line, options));
    if (this.#tickets.length > maxWaiting) this.#tickets.shift();
  }

  /** Whether the line with this ticket was sent by `send`. */
  has(ticket: number): boolean {
    return this.#tickets.includes(ticket);
  }

  /** The agent has been replaced. */
  end(): void {
    this.#tickets = [];
  }
}

/** How many such lines may wait for a connection. Agents have far fewer requests open. */
const maxWaiting = 1000;
