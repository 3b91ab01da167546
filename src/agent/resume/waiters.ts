/** Promises that resolve when a condition becomes true. Code that changes what a condition depends on calls `look`. */
export class Waiters {
  #waiting: Waiter[] = [];
  #isClosed = false;

  /** Resolves at once if `isSo` is true; else at the first `look` at which it is true, or when `close` is called. */
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

  /** Resolves all promises: no condition will change any more. */
  close(): void {
    this.#isClosed = true;
    this.look();
  }
}

interface Waiter {
  readonly isSo: () => boolean;
  readonly resolve: () => void;
}
