import type { Log } from '../base/log.ts';
import { httpDate, readRefusal, type RefusingResponse } from './refusal.ts';

export interface SigningClockOptions {
  readonly log: Log;
  /** This machine's time of day, in milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * The time that requests are signed with: this machine's, until AWS refuses a signature and the `Date` of its answer
 * shows that the clock is off; then AWS's. One for the whole process.
 */
export class SigningClock {
  readonly #log: Log;
  readonly #now: () => number;
  /** What AWS's clock is ahead by, as far as signatures need it. */
  #offsetMs = 0;

  constructor({ log, now = Date.now }: SigningClockOptions) {
    this.#log = log;
    this.#now = now;
  }

  date(): Date {
    return new Date(this.#now() + this.#offsetMs);
  }

  /** How this machine's clock is off, such as `12 minutes behind AWS's`; undefined while it is not known to be. */
  get fault(): string | undefined {
    if (this.#offsetMs === 0) return undefined;
    const minutes = Math.round(Math.abs(this.#offsetMs) / 60_000);
    return `${minutes} minutes ${this.#offsetMs > 0 ? 'behind' : 'ahead of'} AWS's`;
  }

  /**
   * Reads a refusal of what was signed with `signedAt`. Returns whether the time was the reason, as far as can be told: then the
   * same request, signed with `date()` as it is now, may be let in. To be asked once for a request: what is refused with the
   * corrected time is refused.
   */
  corrects(signedAt: Date, response: RefusingResponse): boolean {
    const theirs = httpDate(response.date);
    if (theirs === undefined || !readRefusal(response).mayBeClock) return false;
    const now = this.#now();
    if (Math.abs(theirs - now) > farthestMs || isGood(signedAt.getTime(), theirs)) return false;
    // Another request may have found it out already.
    if (!isGood(now + this.#offsetMs, theirs)) this.#set(isGood(now, theirs) ? 0 : theirs - now);
    return true;
  }

  #set(offsetMs: number): void {
    this.#offsetMs = offsetMs;
    if (this.fault === undefined) this.#log.info("this machine's clock agrees with AWS's again");
    else this.#log.warn(`this machine's clock is ${this.fault}: signed with AWS's`);
  }
}

/**
 * AWS takes what is less than 5 minutes off. One less, since its answer has been on the way, its `Date` has whole seconds,
 * and not all of its clocks need agree: nothing that it refuses for its time is missed.
 */
const toleranceMs = 4 * 60_000;

/**
 * No certificate is good for more than 398 days (CA/Browser Forum): on a machine whose clock is that far off no connection to AWS
 * comes about, so no such `Date` is AWS's. A signature for that day is not made for whoever asks for it.
 */
const farthestMs = 398 * 86_400_000;

function isGood(one: number, other: number): boolean {
  return Math.abs(one - other) <= toleranceMs;
}
