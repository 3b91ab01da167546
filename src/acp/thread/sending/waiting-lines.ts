import type { Calls } from '../state/calls.ts';
import { bytesOf, type Outgoing } from '../state/outgoing.ts';

/** Lines that wait, in order, until an agent is ready. */
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

  /** Puts lines in front of those that wait. */
  putBefore(lines: readonly Outgoing[]): void {
    this.#lines.unshift(...lines);
  }

  takeAll(): Outgoing[] {
    this.ease();
    return this.#lines.splice(0);
  }

  /** Drops requests that were answered while they waited. */
  prune(): void {
    this.#lines = this.#lines.filter(({ call }) => call === undefined || this.#calls.has(call));
    this.ease();
  }

  /** Resolves at the next call of `ease`. */
  eased(): Promise<void> {
    return this.#eased.promise;
  }

  /** Call this when fewer lines wait, here or elsewhere in the thread. */
  ease(): void {
    this.#eased.resolve();
    this.#eased = Promise.withResolvers<void>();
  }
}
