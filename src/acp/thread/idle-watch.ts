export interface IdleWatchOptions {
  /** How long nothing must be open before `onIdle`, in milliseconds. 0: never call it. */
  readonly idleMs: number;
  /** Called first and at each change: whether no turn is open. */
  onRest(isAtRest: boolean): void;
  /**
   * Nothing was open for `idleMs`; or only an earlier bridge's turn may be open, and the agent was silent for half an
   * hour.
   */
  onIdle(): void;
}

/** Measures for how long nothing has been open between a client and an agent. */
export class IdleWatch {
  readonly #options: IdleWatchOptions;
  #isTurnOpen: boolean | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: IdleWatchOptions) {
    this.#options = options;
  }

  /**
   * Call this when a message has passed in either direction.
   *
   * @param isBusy whether somebody waits for an answer
   *
   * @param isTurnOpen whether the agent may be at work, also if nobody waits for it any more
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

/**
 * An agent that is silent for so long is hardly at a turn: the end of the turn may have been lost with the bridge that
 * began it.
 */
const silentTurnMs = 30 * 60_000;
