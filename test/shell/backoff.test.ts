import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/shell/backoff.ts';
import { verifies } from '../requirements.ts';

const delays = (random: number): number[] =>
  Array.from({ length: 11 }, (_, failures) => backoffMs(failures, () => random));

describe('the backoff', () => {
  it(verifies('shell.backoff', 'it is at once, 1, 2, 4 and 8 s, then a pause of 30 s, and so again'), () => {
    const seconds = [0, 1, 2, 4, 8, 30, 1, 2, 4, 8, 30];
    expect(delays(0.5)).toEqual(seconds.map((each) => each * 1_000));
  });

  it(verifies('shell.backoff', 'jitter is a quarter either way, and stays under 15 s within a round'), () => {
    expect(delays(0).slice(0, 6)).toEqual([0, 750, 1_500, 3_000, 6_000, 22_500]);
    expect(delays(1).slice(0, 6)).toEqual([0, 1_250, 2_500, 5_000, 10_000, 37_500]);
    expect(Math.max(...delays(1).slice(0, 5))).toBeLessThan(15_000);
  });
});
