import type { AgentLink } from '../../../agent/agent-link.ts';

/** Sends what only the agent that runs now can make sense of: answers to its requests, and cancels. */
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

  /** Whether a line of this ticket was sent so. */
  has(ticket: number): boolean {
    return this.#tickets.includes(ticket);
  }

  /** Another agent has taken its place. */
  end(): void {
    this.#tickets = [];
  }
}

/** Lines of this kind that may wait for a connection at once: agents have far fewer requests open. */
const maxWaiting = 1000;
