import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/shell/backoff.ts';
import { verifies } from '../requirements.ts';

const delays = (random: number): number[] =>
  Array.from({ length: 10 }, (_, failures) => backoffMs(failures, () => random));

describe('the backoff', () => {
  it(verifies('shell.backoff', 'is nothing at first, then a quarter of a second, doubled up to 15 s'), () => {
    expect(delays(0.5)).toEqual([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  it(verifies('shell.backoff', 'has a jitter of a quarter, and never exceeds 15 s'), () => {
    expect(delays(0).slice(0, 4)).toEqual([0, 188, 375, 750]);
    expect(delays(1).slice(0, 4)).toEqual([0, 313, 625, 1_250]);
    expect(Math.max(...delays(1))).toBe(15_000);
  });
});
