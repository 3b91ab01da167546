import { describe, expect, it } from 'vitest';
import { Retries } from '../../src/shell/retries.ts';
import { verifies } from '../requirements.ts';

const budgetMs = 60_000;

function away(): Retries {
  const retries = new Retries(() => 0.5);
  retries.away(0);
  return retries;
}

describe('retries', () => {
  it('wait longer after each failure', () => {
    const retries = away();
    expect([1, 2, 3, 4].map(() => retries.next(0, 0, budgetMs))).toEqual([0, 250, 500, 1_000]);
  });

  it('wait at least the floor, if the backoff is below it', () => {
    const retries = away();
    expect([1, 2, 3].map(() => retries.next(0, 400, budgetMs))).toEqual([400, 400, 500]);
  });

  it("respect the service's time also for a try that somebody asks for", () => {
    const retries = away();
    expect(retries.heldMs(0)).toBe(0);
    retries.hold(1_000, 400);
    retries.begin();
    expect([1_000, 1_300, 1_400, 5_000].map((now) => retries.heldMs(now))).toEqual([400, 100, 0, 0]);
  });

  it('end if the next one would come after the budget', () => {
    expect(away().next(budgetMs, 0, budgetMs)).toBe(0);
    expect(away().next(budgetMs - 500, 1_000, budgetMs)).toBeUndefined();
  });

  it('do not count the time in which nobody wanted a connection', () => {
    const retries = away();
    retries.next(0, 0, budgetMs);
    retries.begin();
    retries.away(2 * budgetMs);
    expect(retries.next(2 * budgetMs, 0, budgetMs)).toBe(0);
  });

  it('do not count the time with a connection, but the time that was spent before it', () => {
    const retries = away();
    retries.connected(40_000);
    retries.away(10_000_000);
    expect(retries.next(10_015_000, 0, budgetMs)).toBe(0);
    expect(retries.next(10_025_000, 0, budgetMs)).toBeUndefined();
  });

  it(
    verifies(
      'shell.backoff',
      'start again with the first step and the whole budget after a useful connection',
    ),
    () => {
      const retries = away();
      retries.next(0, 0, budgetMs);
      retries.next(30_000, 0, budgetMs);
      retries.connected(50_000);
      retries.settled();
      retries.away(60_000);
      expect(retries.next(100_000, 0, budgetMs)).toBe(0);
    },
  );
});
