import type { Clock } from './clock.ts';
import type { ShellLimits } from './limits.ts';

export type HandOverLimits = Pick<ShellLimits, 'handOverAfterMs' | 'handOverByMs' | 'quietMs'>;

export interface HandOverOptions {
  readonly limits: HandOverLimits;
  readonly clock: Clock;
  /** Called once, when the connection is to be left. */
  readonly onDue: () => void;
}

/** Watches the age of one connection, from now on, and says when to leave it for a fresh one. */
export class HandOver {
  readonly #options: HandOverOptions;
  readonly #since: number;
  #activeAt: number;
  #cancel: () => void = () => undefined;

  constructor(options: HandOverOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.#activeAt = this.#since;
    this.#watch();
  }

  /** Something crossed the connection, either way. */
  active(): void {
    this.#activeAt = this.#options.clock.now();
  }

  stop(): void {
    this.#cancel();
  }

  #watch(): void {
    const { limits, clock, onDue } = this.#options;
    const now = clock.now();
    const ms = handOverInMs(now - this.#since, now - this.#activeAt, limits);
    if (ms === 0) onDue();
    else this.#cancel = clock.after(ms, () => this.#watch());
  }
}

/**
 * Milliseconds until it is worth asking again whether to leave a connection; 0 means now. It is left when it is old
 * and nothing has crossed it for a while, or when it is so old that the service would end it at a moment of its own.
 *
 * @param ageMs of the connection.
 * @param quietForMs since something crossed it, either way.
 */
export function handOverInMs(ageMs: number, quietForMs: number, limits: HandOverLimits): number {
  if (ageMs < limits.handOverAfterMs) return limits.handOverAfterMs - ageMs;
  return Math.max(0, Math.min(limits.quietMs - quietForMs, limits.handOverByMs - ageMs));
}
