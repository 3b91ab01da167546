import type { Log } from '../base/log.ts';
import { httpDate, readRefusal, type RefusingResponse } from './refusal.ts';

export interface SigningClockOptions {
  readonly log: Log;
  /** This machine's time of day, in milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * The time for signatures: this machine's time, until AWS refuses a signature and the `Date` of its answer shows that
 * the clock is wrong; then AWS's time. One for the whole process.
 */
export class SigningClock {
  readonly #log: Log;
  readonly #now: () => number;
  /**
   * How far AWS's clock is ahead of this machine's, in milliseconds; 0 while the difference does not matter for
   * signatures.
   */
  #offsetMs = 0;

  constructor({ log, now = Date.now }: SigningClockOptions) {
    this.#log = log;
    this.#now = now;
  }

  date(): Date {
    return new Date(this.#now() + this.#offsetMs);
  }

  /** How this machine's clock is wrong, such as `12 minutes behind AWS's`; undefined while it is not known to be. */
  get fault(): string | undefined {
    if (this.#offsetMs === 0) return undefined;
    const minutes = Math.round(Math.abs(this.#offsetMs) / 60_000);
    return `${minutes} minutes ${this.#offsetMs > 0 ? 'behind' : 'ahead of'} AWS's`;
  }

  /**
   * Reads the refusal of a request that was signed with the time `signedAt`. Returns whether that time was the reason,
   * as far as can be told: then the request may be accepted if it is signed again with `date()`. Call it once for a
   * request: a second refusal is final.
   */
  corrects(signedAt: Date, response: RefusingResponse): boolean {
    const theirs = httpDate(response.date);
    if (theirs === undefined || !readRefusal(response).mayBeClock) return false;
    const now = this.#now();
    if (Math.abs(theirs - now) > farthestMs || isGood(signedAt.getTime(), theirs)) return false;
    // Another request may have corrected the clock already.
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
 * AWS accepts 5 minutes of difference. One minute less, since its answer has been on the way, its `Date` has whole
 * seconds, and not all of its clocks agree: so no refusal because of the time is missed.
 */
const toleranceMs = 4 * 60_000;

/**
 * No certificate is valid for more than 398 days (CA/Browser Forum). With a clock that is wrong by more, no connection
 * to AWS succeeds, so such a `Date` does not come from AWS. Nothing is signed for a date that somebody else chose.
 */
const farthestMs = 398 * 86_400_000;

function isGood(one: number, other: number): boolean {
  return Math.abs(one - other) <= toleranceMs;
}
