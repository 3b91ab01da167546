export interface TurnRecordOptions {
  /** Queues the record for the host, in the place of one that waits. */
  write(isOpen: boolean): void;
  /** What waits is to be sent now. */
  onDue(): void;
}

/**
 * Tells the host whether a turn is open, for the time when no bridge is there to say so. The record goes with what is sent
 * anyway, and by itself after a second: a frame of its own for each turn would hold up others.
 */
export class TurnRecord {
  readonly #options: TurnRecordOptions;
  /** Undefined: not known here. Then what an earlier bridge said of it stands. */
  #isOpen: boolean | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TurnRecordOptions) {
    this.#options = options;
  }

  set(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#write(isOpen);
  }

  /** Another agent runs: its host knows of no turn. */
  beginEpoch(): void {
    if (this.#isOpen !== undefined) this.#write(this.#isOpen);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #write(isOpen: boolean): void {
    this.#options.write(isOpen);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#options.onDue();
    }, dueMs);
  }
}

const dueMs = 1000;
