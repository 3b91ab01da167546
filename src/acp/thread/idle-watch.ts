export interface IdleWatchOptions {
  /** 0: never. */
  readonly idleMs: number;
  /** Told when it changes: whether no turn is open. */
  onRest(isAtRest: boolean): void;
  /** Nothing has been open for so long. */
  onIdle(): void;
}

/** Watches how long nothing is open between a client and an agent. */
export class IdleWatch {
  readonly #options: IdleWatchOptions;
  #isTurnOpen = true;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
  }

  /**
   * Something was said.
   *
   * @param isBusy Whether someone waits for an answer
   * @param isTurnOpen Whether the agent may be at work, also where nobody waits for it any more
   */
  update({ isBusy, isTurnOpen }: { isBusy: boolean; isTurnOpen: boolean }): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (isTurnOpen !== this.#isTurnOpen) {
      this.#isTurnOpen = isTurnOpen;
      this.#options.onRest(!isTurnOpen);
    }
    if (isBusy || this.#options.idleMs === 0) return;
    this.#timer = setTimeout(() => this.#options.onIdle(), this.#options.idleMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
