import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DelayLine } from '../../../src/local/behaviour/delay-line.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function line(): { line: DelayLine<string>; got: string[] } {
  const got: string[] = [];
  return { got, line: new DelayLine((item) => got.push(item)) };
}

test('an item without a delay is passed on at once', () => {
  const { line: delays, got } = line();
  delays.push('a', 0);
  expect(got).toEqual(['a']);
});

test('items keep their order: one behind a delayed item waits with it', () => {
  const { line: delays, got } = line();
  delays.push('a', 100);
  delays.push('b', 0);
  delays.push('c', 50);
  delays.push('d', 200);
  vi.advanceTimersByTime(99);
  expect(got).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(got).toEqual(['a', 'b', 'c']);
  vi.advanceTimersByTime(99);
  expect(got).toEqual(['a', 'b', 'c']);
  vi.advanceTimersByTime(1);
  expect(got).toEqual(['a', 'b', 'c', 'd']);
  expect(delays.isEmpty).toBe(true);
});

test('a flush passes everything on now, and an end drops it', () => {
  const { line: delays, got } = line();
  delays.push('a', 100);
  delays.push('b', 100);
  delays.flush();
  expect(got).toEqual(['a', 'b']);
  delays.push('c', 100);
  delays.end();
  vi.advanceTimersByTime(1000);
  expect(got).toEqual(['a', 'b']);
  expect(vi.getTimerCount()).toBe(0);
});
