import type { Calls } from '../state/calls.ts';
import { bytesOf, type Outgoing } from '../state/outgoing.ts';

/** Lines that wait, in order, until an agent is ready and the link pulls them. */
export class WaitingLines {
  readonly #calls: Calls;
  /** The first lines, last one first: `Array.shift` takes time in proportion to the length. The others are in `#behind`. */
  #front: Outgoing[] = [];
  #behind: Outgoing[] = [];
  #bytes = 0;
  #eased: PromiseWithResolvers<void> | undefined;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  get length(): number {
    return this.#front.length + this.#behind.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(line: Outgoing): void {
    this.#behind.push(line);
    this.#bytes += line.line.length;
  }

  /** Puts lines in front of those that wait. */
  putBefore(lines: readonly Outgoing[]): void {
    for (const line of lines.toReversed()) this.#front.push(line);
    this.#bytes += bytesOf(lines);
  }

  /** Takes out the first line. Requests that were answered while they waited are dropped. */
  shift(): Outgoing | undefined {
    for (;;) {
      if (this.#front.length === 0) this.#front = this.#behind.splice(0).toReversed();
      const line = this.#front.pop();
      if (line === undefined) return undefined;
      this.#bytes -= line.line.length;
      this.ease();
      if (this.#isOpen(line)) return line;
    }
  }

  clear(): void {
    this.#front = [];
    this.#behind = [];
    this.#bytes = 0;
    this.ease();
  }

  /** Drops requests that were answered while they waited. */
  prune(): void {
    this.#front = this.#front.filter((line) => this.#isOpen(line));
    this.#behind = this.#behind.filter((line) => this.#isOpen(line));
    this.#bytes = bytesOf(this.#front) + bytesOf(this.#behind);
    this.ease();
  }

  /** Resolves at the next call of `ease`. */
  eased(): Promise<void> {
    this.#eased ??= Promise.withResolvers();
    return this.#eased.promise;
  }

  /** Call this when fewer lines wait, here or elsewhere in the thread. */
  ease(): void {
    this.#eased?.resolve();
    this.#eased = undefined;
  }

  #isOpen({ call }: Outgoing): boolean {
    return call === undefined || this.#calls.has(call);
  }
}
