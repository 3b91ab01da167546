import { monotonicNow } from '../../base/monotonic-now.ts';

export interface QuietWatchOptions {
  /** Whether something may come or is to be acknowledged, so that quiet may mean a loss. */
  readonly isOpen: () => boolean;
  /** Whether an answer would tell anything: nobody reads the agent's output while the user of the link has it paused. */
  readonly isOfUse: () => boolean;
  /** Whether somebody waits for what the host would answer. */
  readonly isAwaited: () => boolean;
  /** Asks the host for the sizes. */
  readonly ask: () => void;
  /** The host does not answer, or what it has of the agent's output does not come: it is to be attached anew. */
  readonly onLoss: (why: string) => void;
  /** Bytes of the agent's output that were received. */
  readonly received: () => number;
}

/**
 * Behind the last bytes of a stream comes nothing that would show their loss. When it has been quiet for a second, the host
 * is asked: once, and again each second while something is open.
 */
export class QuietWatch {
  readonly #options: QuietWatchOptions;
  #isOn = false;
  #activeAt = 0;
  /** Whether the host has answered since. */
  #isKnown = false;
  #unanswered = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Output that the host has, and how much of it had come when that was last looked at. */
  #expected: { readonly size: number; received: number } | undefined;
  #outputTimer: NodeJS.Timeout | undefined;

  constructor(options: QuietWatchOptions) {
    this.#options = options;
  }

  /** A host is attached. */
  start(): void {
    this.stop();
    this.#isOn = true;
    this.active();
  }

  stop(): void {
    this.#isOn = false;
    this.#unanswered = 0;
    this.#expected = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#outputTimer);
    this.#timer = undefined;
    this.#outputTimer = undefined;
  }

  /** Something was sent or has come. */
  active(): void {
    if (!this.#isOn) return;
    this.#activeAt = monotonicNow();
    this.#isKnown = false;
    this.#schedule();
  }

  /** What is open or awaited may have changed. */
  look(): void {
    if (!this.#isOn) return;
    if (this.#timer !== undefined && this.#options.isAwaited()) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#schedule();
  }

  /** The host has answered, and has `outSize` bytes of output. */
  answered(outSize: number): void {
    this.#isKnown = true;
    this.#unanswered = 0;
    if (!this.#isOn) return;
    const received = this.#options.received();
    if (outSize > received) {
      this.#expected = { size: outSize, received };
      this.#outputTimer ??= setTimeout(() => this.#onOutputDue(), limits.outputMs);
    }
    this.#schedule();
  }

  get #quietMs(): number {
    return this.#options.isAwaited() ? limits.awaitedMs : limits.quietMs;
  }

  /** Whether there is something to learn. */
  get #isDoubtful(): boolean {
    const { isAwaited, isOfUse, isOpen } = this.#options;
    return isOfUse() && (!this.#isKnown || isOpen() || isAwaited());
  }

  #schedule(): void {
    if (this.#timer !== undefined || !this.#isOn || !this.#isDoubtful) return;
    this.#timer = setTimeout(() => this.#onDue(), this.#quietMs);
  }

  #onDue(): void {
    this.#timer = undefined;
    if (!this.#isDoubtful) return;
    const leftMs = this.#activeAt + this.#quietMs - monotonicNow();
    if (leftMs > 1) {
      this.#timer = setTimeout(() => this.#onDue(), leftMs);
      return;
    }
    if (this.#unanswered >= limits.unanswered) {
      this.#unanswered = 0;
      this.#options.onLoss('the host does not answer');
      return;
    }
    this.#unanswered += 1;
    this.#options.ask();
    this.#timer = setTimeout(() => this.#onDue(), this.#quietMs);
  }

  #onOutputDue(): void {
    this.#outputTimer = undefined;
    const expected = this.#expected;
    const received = this.#options.received();
    if (expected === undefined || received >= expected.size) {
      this.#expected = undefined;
      return;
    }
    if (received === expected.received) {
      this.#expected = undefined;
      this.#options.onLoss('output is missing');
      return;
    }
    expected.received = received;
    this.#outputTimer = setTimeout(() => this.#onOutputDue(), limits.outputMs);
  }
}

const limits = {
  quietMs: 1000,
  /** A round trip around the earth takes 0.3 s. */
  awaitedMs: 400,
  /** Questions in a row. */
  unanswered: 2,
  /** What is on its way comes within this, a polling `tail` included. */
  outputMs: 600,
} as const;
