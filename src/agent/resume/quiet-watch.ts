import { monotonicNow } from '../../base/monotonic-now.ts';

export interface QuietWatchOptions {
  /** Whether output may come or input is unacknowledged, so that silence may mean a loss. */
  readonly isOpen: () => boolean;
  /** Whether an answer would be read. Not while the user of the link has its output paused. */
  readonly isOfUse: () => boolean;
  /** Whether somebody waits for the host's answer. */
  readonly isAwaited: () => boolean;
  /** Asks the host for the sizes of the agent's files. */
  readonly ask: () => void;
  /** The host does not answer, or output that it has does not arrive: attach again. */
  readonly onLoss: (why: string) => void;
  /** Bytes of the agent's output that were received. */
  readonly received: () => number;
}

/**
 * Finds the loss of the last bytes of a stream, behind which nothing comes that would show it. After a second of quiet
 * it asks the host for the sizes: once, and each second again while something is open.
 */
export class QuietWatch {
  readonly #options: QuietWatchOptions;
  #isOn = false;
  #activeAt = 0;
  /** Whether the host has answered since the last activity. */
  #isKnown = false;
  #unanswered = 0;
  #timer: NodeJS.Timeout | undefined;
  /** How much output the host has, and how much of it had arrived at the last look. */
  #expected: { readonly size: number; received: number } | undefined;
  #outputTimer: NodeJS.Timeout | undefined;

  constructor(options: QuietWatchOptions) {
    this.#options = options;
  }

  /** A host is attached: begins to watch. */
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

  /** Something was sent or received. */
  active(): void {
    if (!this.#isOn) return;
    this.#activeAt = monotonicNow();
    this.#isKnown = false;
    this.#schedule();
  }

  /** Call this when the values of `isOpen` or `isAwaited` may have changed. */
  look(): void {
    if (!this.#isOn) return;
    if (this.#timer !== undefined && this.#options.isAwaited()) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#schedule();
  }

  /** The host has answered that the agent's output has `outSize` bytes. */
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

  /** Whether an answer of the host could tell anything new. */
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
  /** How many questions in a row may stay unanswered. */
  unanswered: 2,
  /** How long the rest of the output may take to arrive, also where the host polls with `tail`. */
  outputMs: 600,
} as const;
