/**
 * Lets a few lines pass at once, and a flood of lines in batches, `intervalMs` apart. Each batch costs a frame that
 * tells the host how far the client has got, and the service limits frames per second. Reads no clock: `now` is in
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

  /** How long this number of lines must wait, in milliseconds; 0 if they may pass now. */
  waitMs(now: number, lines: number): number {
    const age = now - this.#since;
    if (age >= this.#intervalMs) return 0;
    const mustWait = this.#isFlood || this.#passed + lines > fewLines;
    return mustWait ? this.#intervalMs - age : 0;
  }

  /** Notes that this number of lines pass now. */
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

/** Most lines within an interval that are not a flood. */
const fewLines = 4;
