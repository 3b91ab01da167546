import type { Clock } from './clock.ts';
import type { ShellLimits } from './limits.ts';

export interface LivenessOptions {
  readonly limits: Pick<ShellLimits, 'pingEveryMs' | 'pongWithinMs'>;
  readonly clock: Clock;
  /** Sends a ping. Calls `flushed` when the kernel has taken it. */
  readonly ping: (flushed: () => void) => void;
  readonly onDead: () => void;
}

/**
 * Notices that the other side of a connection is gone. Any byte that arrives is a sign of life, since on a slow line
 * the pong comes behind output. For the same reason the wait for a pong starts again whenever data that was queued
 * before the ping leaves this process.
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #state: 'quiet' | 'ping-queued' | 'ping-sent' | 'paused' | 'stopped' = 'quiet';
  #cancel: () => void = () => undefined;

  /** Starts watching. */
  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#pingLater();
  }

  /** Bytes have arrived. */
  heard(): void {
    if (this.#state === 'ping-queued' || this.#state === 'ping-sent') this.#pingLater();
  }

  /** Data has left this process. */
  flushed(): void {
    if (this.#state === 'ping-queued') this.#expectLife();
  }

  /** Stops watching while nothing is read, since pongs can't be seen. Pings go on, as the service requires them. */
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
