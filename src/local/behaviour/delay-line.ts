/** Passes items on in the order in which they came, each no sooner than its delay. */
export class DelayLine<T> {
  readonly #handOver: (item: T) => void;
  readonly #waiting: { readonly item: T; readonly dueAt: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(handOver: (item: T) => void) {
    this.#handOver = handOver;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** @param delayMs milliseconds; 0: at once, unless an earlier item still waits */
  push(item: T, delayMs: number): void {
    if (delayMs <= 0 && this.isEmpty) {
      this.#handOver(item);
      return;
    }
    this.#waiting.push({ item, dueAt: performance.now() + delayMs });
    if (this.#timer === undefined) this.#wait();
  }

  /** Passes everything on now. */
  flush(): void {
    this.#stop();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#handOver(next.item);
    }
  }

  /** Drops everything. */
  end(): void {
    this.#stop();
    this.#waiting.length = 0;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        // A timer may be early by less than a millisecond.
        const now = Math.max(performance.now(), next.dueAt);
        for (let due = this.#waiting[0]; due !== undefined && due.dueAt <= now; due = this.#waiting[0]) {
          this.#waiting.shift();
          this.#handOver(due.item);
        }
        // The callback may have pushed an item.
        if (this.#timer === undefined) this.#wait();
      },
      Math.max(0, next.dueAt - performance.now()),
    );
  }
}
