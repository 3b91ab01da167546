/**
 * Counts what has happened since the last save of what the agent remembers. A save is due when something has happened
 * and the agent has been at rest for a second.
 */
export class SaveSchedule {
  readonly #onDue: () => void;
  #isAtRest = false;
  /** Number of events so far. */
  #news = 0;
  /** The value of `#news` at the last save that was asked for, and at the last one whose end was waited for. */
  #asked = 0;
  #awaited = 0;
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onDue called when `isDue` becomes true */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  get isAtRest(): boolean {
    return this.#isAtRest;
  }

  /** Whether a save is due now. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Whether something has happened since the last save whose end was waited for. */
  get isOwed(): boolean {
    return this.#news > this.#awaited;
  }

  /** Number of events so far; given back to `asked`. */
  get news(): number {
    return this.#news;
  }

  /** Says whether the agent is at rest: no turn is open. */
  rest(isAtRest: boolean): void {
    this.#isAtRest = isAtRest;
    if (isAtRest) this.#schedule();
    else this.stop();
  }

  /** A message went to the agent or came from it. */
  add(): void {
    this.#news += 1;
    this.#schedule();
  }

  /** A save was asked for when `news` had this value. `isAwaited`: its end was waited for. */
  asked(news: number, isAwaited: boolean): void {
    this.#asked = news;
    if (isAwaited) this.#awaited = news;
    this.stop();
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isDue = false;
  }

  #schedule(): void {
    if (!this.#isAtRest || this.#news === this.#asked || this.#isDue) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#isDue = true;
      this.#onDue();
    }, restMs);
  }
}

/** Long enough that a turn which begins at once, as in a chat, does not wait for a save. */
const restMs = 1000;
