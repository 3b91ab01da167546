export interface IdleWatchOptions {
  /** 0: never. */
  readonly idleMs: number;
  /** Told at first, and when it changes: whether no turn is open. */
  onRest(isAtRest: boolean): void;
  /** Nothing has been open for so long, or an earlier bridge's turn may be and nothing was said for half an hour. */
  onIdle(): void;
}

/** Watches how long nothing is open between a client and an agent. */
export class IdleWatch {
  readonly #options: IdleWatchOptions;
  #isTurnOpen: boolean | undefined;
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
    const { idleMs } = this.#options;
    if (isBusy || idleMs === 0) return;
    const silenceMs = isTurnOpen ? Math.max(idleMs, silentTurnMs) : idleMs;
    this.#timer = setTimeout(() => this.#options.onIdle(), silenceMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** An agent that says nothing for so long is hardly at a turn: its end may have been lost with the bridge that began it. */
const silentTurnMs = 30 * 60_000;
