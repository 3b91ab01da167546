import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusingResponse } from '../../src/aws/refusal.ts';
import { verifies } from '../requirements.ts';

const now = Date.UTC(2026, 10, 24, 12);
const later = (ms: number): string => new Date(now + ms).toUTCString();
const floorOf = (headers: Readonly<Record<string, string>>): number | undefined =>
  refusingResponse({ statusCode: 503, headers }, '', now).retryAfterMs;

describe('when a refusal lets the request be tried again', () => {
  it.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'x-amz-retry-after': '1500' }, 1_500],
    // Both: the later one.
    [{ 'retry-after': '1', 'x-amz-retry-after': '1500' }, 1_500],
    [{ 'retry-after': '2', 'x-amz-retry-after': '1500' }, 2_000],
    // A time of day, by the clock that it was made by where the answer tells it.
    [{ 'retry-after': later(30_000) }, 30_000],
    [{ 'retry-after': later(3_600_000), date: later(3_590_000) }, 10_000],
    [{ 'retry-after': later(-30_000) }, 0],
  ])(verifies('aws.retry-after', '%j says after how many milliseconds: %i'), (headers, ms) => {
    expect(floorOf(headers)).toBe(ms);
  });

  it.each(['', '-1', '1.5', '1e3', '7 s', 'soon', 'Infinity', '2026-11-24'])(
    'what is no time says nothing: %j',
    (text) => {
      expect(floorOf({ 'retry-after': text, 'x-amz-retry-after': text })).toBeUndefined();
    },
  );

  it('any header gives a number that is finite and not negative, or none', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (seconds, ms) => {
        const floor = floorOf({ 'retry-after': seconds, 'x-amz-retry-after': ms }) ?? 0;
        expect(Number.isFinite(floor) && floor >= 0).toBe(true);
      }),
    );
  });
});
