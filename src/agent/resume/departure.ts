import { monotonicNow } from '../../base/monotonic-now.ts';
import type { Waiters } from './waiters.ts';

/** Leaving the shell: what is to arrive and to be saved before, and until when that is waited for. */
export class Departure {
  readonly #waiters: Waiters;
  #current: { readonly for: 'rest' | 'good'; readonly deadline: number } | undefined;

  constructor(waiters: Waiters) {
    this.#waiters = waiters;
  }

  /** `rest`: the link goes on when there is more to say. */
  get is(): 'rest' | 'good' | undefined {
    return this.#current?.for;
  }

  /** By `monotonicNow`. */
  get deadline(): number | undefined {
    return this.#current?.deadline;
  }

  /**
   * Waits until the shell can be left and nothing gets lost, or until there is no time left for that. Resolves to whether
   * it is still to be left.
   */
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

  /** It is not left now. */
  end(): void {
    this.#current = undefined;
    this.#waiters.look();
  }
}
