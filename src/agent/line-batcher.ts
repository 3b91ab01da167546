/** A line of the agent's, and where in its epoch's output it stands. */
export interface AgentLine {
  /** Without its newline. */
  readonly line: Uint8Array;
  readonly start: number;
  /** Behind the newline. */
  readonly end: number;
}

/**
 * Hands lines over in batches: at once where the last batch is `intervalMs` old, else when it is. For each batch a frame
 * tells the host how far the client is, and frames a second are limited.
 */
export class LineBatcher {
  readonly #intervalMs: number;
  readonly #deliver: (line: AgentLine) => void;
  #lines: AgentLine[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;

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
    const waitMs = this.#flushedAt + this.#intervalMs - performance.now();
    if (waitMs <= 0) this.flush();
    else this.#timer = setTimeout(() => this.flush(), waitMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushedAt = performance.now();
    const lines = this.#lines;
    this.#lines = [];
    for (const line of lines) this.#deliver(line);
  }
}
