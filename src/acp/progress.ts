export interface ProgressOptions {
  /** Whether the client is still waiting for this turn, and wants to be told. */
  isAwaited(sessionId: string): boolean;
  /** Tells the person that the workspace is starting. */
  tell(sessionId: string): void;
}

/** Tells people whose prompt waits for a microVM what they are waiting for: once, and not before it takes long. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** A prompt of this session waits. */
  begin(sessionId: string): void {
    if (this.#timers.has(sessionId)) return;
    const timer = setTimeout(() => {
      if (this.#options.isAwaited(sessionId)) this.#options.tell(sessionId);
    }, longMs);
    this.#timers.set(sessionId, timer);
  }

  /** The agent is there. */
  end(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** A warm microVM answers within two seconds; a cold one takes up to 15. */
const longMs = 3000;
