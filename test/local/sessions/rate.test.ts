import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RateWindow } from '../../../src/local/sessions/rate.ts';

test('one more than the limit in a second is refused, and accepted when the second is over', () => {
  const window = new RateWindow(2);
  expect([0, 500, 999, 1000, 1400, 1500].map((now) => window.take(now))).toEqual([
    true,
    true,
    false,
    true,
    false,
    true,
  ]);
});

test('no second ever holds more than the limit', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 })), fc.integer({ min: 1, max: 5 }), (gaps, limit) => {
      const window = new RateWindow(limit);
      let now = 0;
      const taken = gaps.map((gap) => (now += gap)).filter((time) => window.take(time));
      for (const time of taken) {
        expect(taken.filter((other) => other > time - 1000 && other <= time).length).toBeLessThanOrEqual(
          limit,
        );
      }
    }),
  );
});
