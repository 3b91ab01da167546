import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RefusingResponse } from '../../src/aws/refusal.ts';
import { SigningClock } from '../../src/aws/signing-clock.ts';
import { createLog } from '../../src/base/log.ts';
import { verifies } from '../requirements.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
/** AWS's clock, which is right. */
const right = Date.UTC(2026, 10, 21, 12);

/** What this machine's clock says is `right` plus this. */
let offMs: number;
let logged: string;
let clock: SigningClock;

beforeEach(() => {
  offMs = 0;
  logged = '';
  clock = newClock();
});

function newClock(): SigningClock {
  const log = createLog({ level: 'info', format: 'text', write: (line) => (logged += line) });
  return new SigningClock({ log, now: () => right + offMs });
}

function refused(date: string | undefined, name = 'InvalidSignatureException'): RefusingResponse {
  return { status: 403, errorType: name, body: '', date };
}
const atAws = new Date(right).toUTCString();

/** How far from the right time a request is signed now. */
const error = (): number => clock.date().getTime() - right;

describe('the time that requests are signed with', () => {
  test("is this machine's while no other is known", () => {
    offMs = 7 * minute;
    expect(error()).toBe(offMs);
    expect(clock.fault).toBeUndefined();
  });

  test.each([
    [-12 * minute, "12 minutes behind AWS's"],
    [12 * minute, "12 minutes ahead of AWS's"],
    [-300 * day, "432000 minutes behind AWS's"],
  ])(verifies('aws.clock', "becomes AWS's when a refusal shows that the clock is wrong: %i"), (off, says) => {
    offMs = off;
    expect(clock.corrects(clock.date(), refused(atAws))).toBe(true);
    expect(error()).toBe(0);
    expect(clock.fault).toBe(says);
    expect(logged).toBe(`agentcore-bridge warn: this machine's clock is ${says}: signed with AWS's\n`);
  });

  test(verifies('aws.clock', 'is no longer the reason of a refusal once it is corrected'), () => {
    offMs = 12 * minute;
    clock.corrects(clock.date(), refused(atAws));
    expect(clock.corrects(clock.date(), refused(atAws))).toBe(false);
    expect(error()).toBe(0);
  });

  test('is corrected and logged once for requests that were signed before', () => {
    offMs = 12 * minute;
    const dates = [clock.date(), clock.date(), clock.date()];
    expect(dates.map((date) => clock.corrects(date, refused(atAws)))).toEqual([true, true, true]);
    expect(logged.match(/\n/g)).toHaveLength(1);
  });

  test(verifies('aws.clock', "follows a clock that is set right, and is this machine's again"), () => {
    offMs = 12 * minute;
    clock.corrects(clock.date(), refused(atAws));
    offMs = 1000;
    expect(clock.corrects(clock.date(), refused(atAws))).toBe(true);
    expect(error()).toBe(1000);
    expect(clock.fault).toBeUndefined();
    expect(logged).toMatch(/info: this machine's clock agrees with AWS's again\n$/);
  });

  test('is not changed if the refusal mentions something else', () => {
    offMs = 12 * minute;
    expect(clock.corrects(clock.date(), refused(atAws, 'AccessDeniedException'))).toBe(false);
    expect(error()).toBe(offMs);
  });

  test('is not changed by a difference that AWS accepts', () => {
    offMs = 4 * minute;
    expect(clock.corrects(clock.date(), refused(atAws))).toBe(false);
    offMs += 1;
    expect(clock.corrects(clock.date(), refused(atAws))).toBe(true);
  });

  test.each([
    undefined,
    '',
    'soon',
    '1795262400',
    '2026-11-21T12:00:00.000Z',
    'Sat, 21 Nov 2026 12:00:00 +0000',
    'Fri, 21 Nov 2026 12:00:00 GMT',
    'Sat, 31 Feb 2026 12:00:00 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'Fri, 31 Dec 9999 23:59:59 GMT',
    `${atAws}, ${atAws}`,
    'Invalid Date',
  ])(verifies('aws.clock', 'is not changed by a Date that is absent, malformed or absurd: %j'), (date) => {
    offMs = 12 * minute;
    expect(clock.corrects(clock.date(), refused(date))).toBe(false);
    expect(error()).toBe(offMs);
    expect(logged).toBe('');
  });

  test("is this machine's for a request that was only sent too late", () => {
    expect(clock.corrects(new Date(right - 30 * minute), refused(atAws))).toBe(true);
    expect(error()).toBe(0);
    expect(logged).toBe('');
  });
});

/** AWS's rule. */
const isTaken = (signedAt: Date): boolean => Math.abs(signedAt.getTime() - right) < 5 * minute;

test(
  verifies('aws.clock', 'is accepted at the second try at the latest, however often the clock jumps'),
  () => {
    const offset = fc.oneof(
      fc.integer({ min: -397 * day, max: 397 * day }),
      fc.integer({ min: -6 * minute, max: 6 * minute }),
    );
    fc.assert(
      fc.property(fc.array(offset, { minLength: 1, maxLength: 20 }), (jumps) => {
        clock = newClock();
        for (const jump of jumps) {
          offMs = jump;
          const signedAt = clock.date();
          if (isTaken(signedAt)) continue;
          expect(clock.corrects(signedAt, refused(atAws))).toBe(true);
          expect(isTaken(clock.date())).toBe(true);
        }
      }),
    );
  },
);

test('is never moved by more than about a year, and no Date causes an exception', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.date().map(String),
        fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      ),
      (date) => {
        clock = newClock();
        clock.corrects(clock.date(), refused(date));
        expect(Math.abs(error())).toBeLessThanOrEqual(398 * day);
      },
    ),
  );
});
