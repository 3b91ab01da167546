/** A line of the agent's, and where in its epoch's output it stands. */
export interface AgentLine {
  /** Without its newline. */
  readonly line: Uint8Array;
  readonly start: number;
  /** Behind the newline. */
  readonly end: number;
}

/**
 * Hands lines over: at once while they are few, and under a flood in batches, `intervalMs` apart. Each batch costs a
 * frame that tells the host how far the client is, and frames a second are limited.
 */
export class LineBatcher {
  readonly #intervalMs: number;
  readonly #deliver: (line: AgentLine) => void;
  #lines: AgentLine[] = [];
  #timer: NodeJS.Timeout | undefined;
  #interval = { since: Number.NEGATIVE_INFINITY, lines: 0, isFlood: false };

  constructor(intervalMs: number, deliver: (line: AgentLine) => void) {
    this.#intervalMs = intervalMs;
    this.#deliver = deliver;
  }

  add(line: AgentLine): void {
    this.#lines.push(line);
  }

  /** To be called when all lines of a read are added. */
  schedule(): void {
    if (this.#lines.length === 0 || this.#timer !== undefined) return;
    const now = performance.now();
    const age = now - this.#interval.since;
    if (age >= this.#intervalMs) {
      const isFlood = this.#interval.lines > fewLines && age < 2 * this.#intervalMs;
      this.#interval = { since: now, lines: 0, isFlood };
    }
    const { since, lines, isFlood } = this.#interval;
    const mustWait = isFlood || (lines > 0 && lines + this.#lines.length > fewLines);
    const waitMs = mustWait ? since + this.#intervalMs - now : 0;
    if (waitMs > 0) this.#timer = setTimeout(() => this.flush(), waitMs);
    else this.flush();
  }

  flush(): void {
    const lines = this.discard();
    this.#interval.lines += lines.length;
    for (const line of lines) this.#deliver(line);
  }

  /** Takes what was not handed over; it will not be. */
  discard(): AgentLine[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}

/** Lines within an interval that are not yet a flood. */
const fewLines = 4;
