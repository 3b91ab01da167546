import { monotonicNow } from '../../base/monotonic-now.ts';
import type { Waiters } from './waiters.ts';

/** Waits, before the shell is left, until all input has arrived and the save has ended, or until a deadline. */
export class Departure {
  readonly #waiters: Waiters;
  #current: { readonly for: 'rest' | 'good'; readonly deadline: number } | undefined;

  constructor(waiters: Waiters) {
    this.#waiters = waiters;
  }

  /** Why the shell is being left. `rest`: the link comes back for the next message. `good`: it does not. */
  get is(): 'rest' | 'good' | undefined {
    return this.#current?.for;
  }

  /** Until when the link waits, by `monotonicNow`. */
  get deadline(): number | undefined {
    return this.#current?.deadline;
  }

  /** Waits until `canLeave` is true or the deadline has passed. Resolves to false if `end` was called meanwhile. */
  async begin(why: 'rest' | 'good', deadline: number, canLeave: () => boolean): Promise<boolean> {
    const current = { for: why, deadline };
    this.#current = current;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(deadline - monotonicNow(), 0));
    });
    await Promise.race([this.#waiters.until(() => this.#current !== current || canLeave()), timeout]);
    clearTimeout(timer);
    return this.#current === current;
  }

  /** Cancels the departure: the shell is kept. */
  end(): void {
    this.#current = undefined;
    this.#waiters.look();
  }
}
