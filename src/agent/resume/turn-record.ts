export interface TurnRecordOptions {
  /** Queues the record for the host. It replaces one that was not sent yet. */
  write(isOpen: boolean): void;
  /** The queued record is to be sent now. */
  onDue(): void;
}

/**
 * Tells the host whether a turn is open, so that the host can say so while no bridge is attached. The record is sent
 * with other input, or by itself after a second: a frame of its own for each turn would delay other messages.
 */
export class TurnRecord {
  readonly #options: TurnRecordOptions;
  /** Undefined: this bridge does not know. The record of an earlier bridge then stays valid. */
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

  /** A new agent runs, whose host has no record yet. */
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
