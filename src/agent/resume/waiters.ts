/** Promises of what will be so one day. Whoever changes something on which they depend calls `look`. */
export class Waiters {
  #waiting: Waiter[] = [];
  #isClosed = false;

  /** Resolves when `isSo` is true at a `look`, or when these are closed; at once, where it is so already. */
  until(isSo: () => boolean): Promise<void> {
    if (this.#isClosed || isSo()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isSo, resolve }));
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  look(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ isSo }) => !this.#isClosed && !isSo());
    for (const waiter of waiting) if (!this.#waiting.includes(waiter)) waiter.resolve();
  }

  /** Nothing will change any more: all that wait go on. */
  close(): void {
    this.#isClosed = true;
    this.look();
  }
}

interface Waiter {
  readonly isSo: () => boolean;
  readonly resolve: () => void;
}
