/**
 * Lets what is handed over pass at once while it is little, and under a flood in batches, `intervalMs` apart: each batch
 * costs a frame that tells the host how far the client is, and frames a second are limited. Reads no clock: `now` is in
 * milliseconds.
 */
export class FloodGate {
  readonly #intervalMs: number;
  #since = Number.NEGATIVE_INFINITY;
  #passed = 0;
  #isFlood = false;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** How long so many lines must wait; 0 if they may pass now. */
  waitMs(now: number, lines: number): number {
    const age = now - this.#since;
    if (age >= this.#intervalMs) return 0;
    const mustWait = this.#isFlood || this.#passed + lines > fewLines;
    return mustWait ? this.#intervalMs - age : 0;
  }

  /** So many lines pass now. */
  pass(now: number, lines: number): void {
    const age = now - this.#since;
    if (age < this.#intervalMs) {
      this.#passed += lines;
      return;
    }
    this.#isFlood = this.#passed > fewLines && age < 2 * this.#intervalMs;
    this.#since = now;
    this.#passed = lines;
  }
}

/** Lines within an interval that are not yet a flood. */
const fewLines = 4;
