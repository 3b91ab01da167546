import { monotonicNow } from '../../base/monotonic-now.ts';

/**
 * Decides when a checkpoint is sent to the host. The first ten in a row are sent at once, later ones every 9 ms. A
 * checkpoint that is sent with other input in the meantime needs no frame of its own. Each one costs a frame: 100 a
 * second leave half of the frames for messages to the agent.
 */
export class CheckpointSchedule {
  readonly #onDue: () => void;
  #dueAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param onDue called when the checkpoint is to be sent */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  /** Notes that the client has got more. Sends the checkpoint now or sets a timer for it. */
  add(): void {
    const now = monotonicNow();
    this.#dueAt = Math.max(this.#dueAt, now - (atOnce - 1) * intervalMs);
    const waitMs = this.#dueAt - now;
    if (waitMs <= 0) this.send();
    else this.#timer ??= setTimeout(() => this.send(), waitMs);
  }

  /** Sends the checkpoint now. */
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
/** How many checkpoints may be sent in a row without delay. */
const atOnce = 10;
