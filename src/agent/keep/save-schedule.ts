/**
 * What is new since what the agent remembers was last saved, and when that is to be saved in passing: when the agent has
 * been at rest for a second.
 */
export class SaveSchedule {
  readonly #onDue: () => void;
  #isAtRest = false;
  /** Counts what is new. */
  #news = 0;
  /** Of which a save was asked for; of which one was waited for. */
  #asked = 0;
  #awaited = 0;
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param onDue `isDue` has become true */
  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  get isAtRest(): boolean {
    return this.#isAtRest;
  }

  /** Whether a save is to be asked for in passing. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Whether something is new that no save was waited for. */
  get isOwed(): boolean {
    return this.#news > this.#awaited;
  }

  /** A place in what is new, to be handed to `asked`. */
  get news(): number {
    return this.#news;
  }

  /** No turn is open, or one is. */
  rest(isAtRest: boolean): void {
    this.#isAtRest = isAtRest;
    if (isAtRest) this.#schedule();
    else this.stop();
  }

  /** Something was said to the agent or by it. */
  add(): void {
    this.#news += 1;
    this.#schedule();
  }

  /** A save was asked for when `news` stood there; and perhaps its end was waited for. */
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

/** A turn that begins at once, as a chat's often does, is not to wait for a save. */
const restMs = 1000;
