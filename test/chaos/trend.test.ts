import { expect, test } from 'vitest';
import { grows, trendOf } from './trend.ts';

const series = (value: (i: number) => number): (readonly [number, number])[] =>
  Array.from({ length: 50 }, (_, i) => [i, value(i)] as const);
/** The same up and down each time. */
const noise = (i: number): number => (i * 7919) % 11;

test('a line is fitted exactly', () => {
  expect(trendOf(series((i) => 3 + 2 * i))).toEqual({ from: 3, to: 101, noise: 0 });
});

test('no measurement, or one, has no slope', () => {
  expect(trendOf([])).toEqual({ from: 0, to: 0, noise: 0 });
  expect(trendOf([[5, 7]])).toEqual({ from: 7, to: 7, noise: 0 });
});

test('growth within the noise or the tolerance does not count', () => {
  expect(grows(trendOf(series(noise)), 0)).toBe(false);
  expect(grows(trendOf(series((i) => noise(i) + i)), 0)).toBe(true);
  expect(grows(trendOf(series((i) => noise(i) + i)), 60)).toBe(false);
  expect(grows(trendOf(series((i) => -i)), 0)).toBe(false);
});
