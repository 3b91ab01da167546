import type { Clock } from './clock.ts';
import type { ShellLimits } from './limits.ts';

export interface LivenessOptions {
  readonly limits: Pick<ShellLimits, 'pingEveryMs' | 'pongWithinMs'>;
  readonly clock: Clock;
  /** Sends a ping; calls back when the kernel has taken it. */
  readonly ping: (flushed: () => void) => void;
  readonly onDead: () => void;
}

/**
 * Finds out that the other side of a connection is gone. Whatever arrives is a sign of life, since on a slow line the
 * pong stands behind output. For the same reason a ping that stands behind our own data has its time again with each
 * piece of data that leaves.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #state: 'quiet' | 'ping-queued' | 'ping-sent' | 'paused' | 'stopped' = 'quiet';
  #cancel: () => void = () => undefined;

  /** Begins at once. */
  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#pingLater();
  }

  /** Something arrived. */
  heard(): void {
    if (this.#state === 'ping-queued' || this.#state === 'ping-sent') this.#pingLater();
  }

  /** Data left this process. */
  flushed(): void {
    if (this.#state === 'ping-queued') this.#expectLife();
  }

  /** Nothing is read for now: pings go on, for what watches the line, but their pongs can't be seen. */
  pause(): void {
    if (this.#state === 'stopped') return;
    this.#state = 'paused';
    this.#in(this.#options.limits.pingEveryMs, () => {
      this.#options.ping(() => undefined);
      this.pause();
    });
  }

  resume(): void {
    if (this.#state === 'paused') this.#pingLater();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#cancel();
  }

  #pingLater(): void {
    this.#state = 'quiet';
    this.#in(this.#options.limits.pingEveryMs, () => this.#ping());
  }

  #ping(): void {
    this.#state = 'ping-queued';
    this.#expectLife();
    this.#options.ping(() => {
      if (this.#state !== 'ping-queued') return;
      this.#state = 'ping-sent';
      this.#expectLife();
    });
  }

  #expectLife(): void {
    this.#in(this.#options.limits.pongWithinMs, () => {
      this.stop();
      this.#options.onDead();
    });
  }

  #in(ms: number, task: () => void): void {
    this.#cancel();
    this.#cancel = this.#options.clock.after(ms, task);
  }
}
