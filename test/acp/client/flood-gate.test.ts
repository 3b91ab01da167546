import { describe, expect, test } from 'vitest';
import { FloodGate } from '../../../src/acp/client/flood-gate.ts';

/** Hands over one line every `everyMs`, for so long, and gives the times at which batches passed. */
function passes(everyMs: number, forMs: number): number[] {
  const gate = new FloodGate(10);
  const times: number[] = [];
  let waiting = 0;
  let dueAt = Number.POSITIVE_INFINITY;
  for (let now = 0; now < forMs; now += everyMs) {
    waiting += 1;
    if (dueAt > now) dueAt = Math.min(dueAt, now + gate.waitMs(now, waiting));
    if (dueAt > now) continue;
    gate.pass(now, waiting);
    times.push(now);
    waiting = 0;
    dueAt = Number.POSITIVE_INFINITY;
  }
  return times;
}

describe('the flood gate', () => {
  test('lets single lines pass at once', () => {
    expect(passes(20, 200)).toHaveLength(10);
    expect(passes(4, 40)).toHaveLength(10);
  });

  test('lets the first burst after a silence pass at once, however large', () => {
    const gate = new FloodGate(10);
    gate.pass(0, 1);
    expect(gate.waitMs(50, 1000)).toBe(0);
  });

  test('batches a flood, ten milliseconds apart', () => {
    const times = passes(0.1, 1000);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(times.length).toBeLessThan(110);
    // But for the few lines that began it.
    expect(Math.min(...gaps.slice(5))).toBeGreaterThanOrEqual(9.9);
  });
});
