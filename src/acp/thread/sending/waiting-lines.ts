import type { Calls } from '../state/calls.ts';
import { bytesOf, type Outgoing } from '../state/outgoing.ts';

/** What is for an agent while there is none that is ready, in order. */
export class WaitingLines {
  readonly #calls: Calls;
  #lines: Outgoing[] = [];
  #eased = Promise.withResolvers<void>();

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  get bytes(): number {
    return bytesOf(this.#lines);
  }

  push(line: Outgoing): void {
    this.#lines.push(line);
  }

  /** These came before those that wait already. */
  putBefore(lines: readonly Outgoing[]): void {
    this.#lines.unshift(...lines);
  }

  takeAll(): Outgoing[] {
    this.ease();
    return this.#lines.splice(0);
  }

  /** Drops requests that have been answered meanwhile. */
  prune(): void {
    this.#lines = this.#lines.filter(({ call }) => call === undefined || this.#calls.has(call));
    this.ease();
  }

  /** Resolves when less waits, or may. */
  eased(): Promise<void> {
    return this.#eased.promise;
  }

  /** Less waits, here or for something else than an agent. */
  ease(): void {
    this.#eased.resolve();
    this.#eased = Promise.withResolvers<void>();
  }
}
