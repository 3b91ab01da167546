/** Counts events against a limit of events in any second. */
export class RateWindow {
  readonly #limit: number;
  /** Milliseconds, oldest first; never more than the limit. */
  readonly #times: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Counts one event. Returns false, and does not count it, if it exceeds the limit.
   *
   * @param now milliseconds of a clock that only goes forward
   */
  take(now: number): boolean {
    while (this.#times[0] !== undefined && this.#times[0] <= now - 1000) this.#times.shift();
    if (this.#times.length >= this.#limit) return false;
    this.#times.push(now);
    return true;
  }
}
