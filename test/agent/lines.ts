import type { AgentInput } from '../../src/agent/agent-link.ts';

/** What a test has for an agent, until the link pulls it. */
export class Lines implements AgentInput {
  readonly #lines: Uint8Array[] = [];
  readonly #onPulled: () => void;

  constructor(onPulled: () => void = () => undefined) {
    this.#onPulled = onPulled;
  }

  add(line: string | Uint8Array): void {
    this.#lines.push(typeof line === 'string' ? Buffer.from(line) : line);
  }

  addFirst(line: string): void {
    this.#lines.unshift(Buffer.from(line));
  }

  waiting(): number {
    return this.#lines.length;
  }

  next(): Uint8Array | undefined {
    const line = this.#lines.shift();
    if (line !== undefined) this.#onPulled();
    return line;
  }
}
