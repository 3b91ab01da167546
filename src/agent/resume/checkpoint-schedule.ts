import { monotonicNow } from '../../base/monotonic-now.ts';

/**
 * When what the host is to know of the client goes up: at once, for some in a row; then every 9 ms, unless what is sent
 * meanwhile takes it along. Each costs a frame: 100 a second leave half of them for what is said to the agent.
 */
export class CheckpointSchedule {
  readonly #onDue: () => void;
  #dueAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param onDue it is to go now */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** There is something new to know. */
  add(): void {
    const now = monotonicNow();
    this.#dueAt = Math.max(this.#dueAt, now - (atOnce - 1) * intervalMs);
    const waitMs = this.#dueAt - now;
    if (waitMs <= 0) this.send();
    else this.#timer ??= setTimeout(() => this.send(), waitMs);
  }

  /** Has it go now. */
  send(): void {
    this.stop();
    this.#dueAt += intervalMs;
    this.#onDue();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const intervalMs = 9;
/** So many may go in a row. */
const atOnce = 10;
