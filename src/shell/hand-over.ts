import type { Clock } from './clock.ts';
import type { ShellLimits } from './limits.ts';

export type HandOverLimits = Pick<ShellLimits, 'handOverAfterMs' | 'handOverByMs' | 'quietMs'>;

export interface HandOverOptions {
  readonly limits: HandOverLimits;
  readonly clock: Clock;
  /** Called once, when the connection should be replaced. */
  readonly onDue: () => void;
}

/** Watches the age of one connection, which begins now, and says when to replace it. */
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

  /** Bytes have passed, in either direction. */
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
 * Milliseconds until the question should be asked again whether to replace a connection; 0 means replace it now. It is
 * replaced when it is old and quiet, or when it is so old that the service would end it at any moment.
 *
 * @param ageMs age of the connection
 * @param quietForMs time since bytes passed, in either direction
 */
export function handOverInMs(ageMs: number, quietForMs: number, limits: HandOverLimits): number {
  if (ageMs < limits.handOverAfterMs) return limits.handOverAfterMs - ageMs;
  return Math.max(0, Math.min(limits.quietMs - quietForMs, limits.handOverByMs - ageMs));
}
