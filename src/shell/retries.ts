import { backoffMs } from './backoff.ts';

/**
 * Counts the tries for a connection, and the time that was spent without one. Time with a connection is not counted,
 * but only `settled` resets what was spent, so that connections which break at once use up the budget, too. Reads no
 * clock: `now` is in milliseconds.
 */
export class Retries {
  readonly #random: () => number;
  #failures = 0;
  #spentMs = 0;
  #awaySince: number | undefined;
  #heldUntil = Number.NEGATIVE_INFINITY;

  /** @param random gives a number from 0 up to 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** There is no connection from now on. */
  away(now: number): void {
    this.#awaySince ??= now;
  }

  /** A connection is open. */
  connected(now: number): void {
    this.#spentMs = this.#spent(now);
    this.#awaySince = undefined;
  }

  /** The connection proved useful: resets everything. */
  settled(): void {
    this.#failures = 0;
    this.#spentMs = 0;
  }

  /**
   * A connection is wanted again after a rest: resets everything except the time for which the service wants no
   * request.
   */
  begin(): void {
    this.settled();
    this.#awaySince = undefined;
  }

  /** Milliseconds until the next try, at least `floorMs`; undefined if it would exceed `budgetMs`. */
  next(now: number, floorMs: number, budgetMs: number): number | undefined {
    const delayMs = Math.max(floorMs, backoffMs(this.#failures, this.#random));
    this.#failures += 1;
    return this.#spent(now) + delayMs > budgetMs ? undefined : delayMs;
  }

  /** The service wants no request for `ms` milliseconds. */
  hold(now: number, ms: number): void {
    this.#heldUntil = now + ms;
  }

  /** Milliseconds for which no try is allowed, whoever asks for it. */
  heldMs(now: number): number {
    return Math.max(this.#heldUntil - now, 0);
  }

  #spent(now: number): number {
    return this.#spentMs + (this.#awaySince === undefined ? 0 : now - this.#awaySince);
  }
}
