import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outbox } from '../../src/shell/outbox.ts';
import { Pacer } from '../../src/shell/pacing.ts';
import { ManualClock } from './manual-clock.ts';

const pace = fc.record({
  frameBytes: fc.integer({ min: 2, max: 40 }),
  framesPerSecond: fc.integer({ min: 2, max: 250 }),
});

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ write: fc.uint8Array({ maxLength: 90 }) }) },
  { weight: 3, arbitrary: fc.record({ flush: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ passMs: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ wait: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.constant({ turn: true as const }) },
);

/** Most of these that lie within a second of each other, both ends included. */
function mostInASecond(times: readonly number[]): number {
  let from = 0;
  let most = 0;
  for (const [index, at] of times.entries()) {
    while (at - (times[from] ?? 0) > 1_000) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

describe('an outbox under any schedule of writes, flushes and time', () => {
  test('sends all bytes once and in order, within the pace and the room of the socket, and wakes those who wait', async () => {
    await fc.assert(
      fc.asyncProperty(
        pace,
        fc.integer({ min: 1, max: 200 }),
        fc.array(step, { maxLength: 40 }),
        async (pace, bufferedBytes, steps) => {
          const clock = new ManualClock();
          const frames: { payload: Uint8Array; flushed: () => void; at: number }[] = [];
          const written: Uint8Array[] = [];
          let flushed = 0;
          let withSocket = 0;
          let woken = 0;
          let waiting = 0;
          const outbox = new Outbox({
            pace,
            bufferedBytes,
            clock,
            send: (frame, onFlushed) => {
              expect(withSocket).toBeLessThan(bufferedBytes);
              expect(frame.length).toBeLessThanOrEqual(pace.frameBytes);
              const payload = frame.subarray(1);
              withSocket += payload.length;
              frames.push({ payload, flushed: onFlushed, at: clock.now() });
            },
          });
          const flush = (): void => {
            const frame = frames[flushed];
            if (frame === undefined) return;
            flushed += 1;
            withSocket -= frame.payload.length;
            frame.flushed();
          };
          const total = (all: readonly Uint8Array[]): number =>
            all.reduce((sum, { length }) => sum + length, 0);
          const unsent = (): number =>
            total(written) - total(frames.slice(0, flushed).map(({ payload }) => payload));
          for (const each of steps) {
            if ('write' in each) {
              written.push(each.write);
              outbox.write(each.write);
            } else if ('flush' in each) {
              for (let count = 0; count < each.flush; count += 1) flush();
            } else if ('passMs' in each) clock.advance(each.passMs);
            else if ('wait' in each) {
              waiting += 1;
              void outbox.sent(each.wait).then(() => (woken += 1));
            } else await Promise.resolve();
            expect(outbox.unsentBytes).toBe(unsent());
          }
          // In the end everything is taken, with time.
          for (let rounds = 0; unsent() > 0; rounds += 1) {
            expect(rounds).toBeLessThan(10_000);
            await Promise.resolve();
            flush();
            clock.advance(1_000);
          }
          await Promise.resolve();
          expect(woken).toBe(waiting);
          expect(outbox.unsentBytes).toBe(0);
          expect(clock.timers).toBe(0);
          expect(Buffer.concat(frames.map(({ payload }) => payload))).toEqual(Buffer.concat(written));
          expect(mostInASecond(frames.map(({ at }) => at))).toBeLessThanOrEqual(pace.framesPerSecond);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('that is closed at any moment sends nothing more, wakes those who wait, and leaves no timer', async () => {
    await fc.assert(
      fc.asyncProperty(
        pace,
        fc.array(fc.nat(200), { maxLength: 8 }),
        fc.nat(300),
        async (pace, writes, passMs) => {
          const clock = new ManualClock();
          const pending: (() => void)[] = [];
          const outbox = new Outbox({
            pace,
            bufferedBytes: 100,
            clock,
            send: (_, flushed) => pending.push(flushed),
          });
          for (const length of writes) outbox.write(new Uint8Array(length));
          await Promise.resolve();
          clock.advance(passMs);
          const all = Promise.all([outbox.sent(0), outbox.sent(5)]);
          outbox.close();
          expect(clock.timers).toBe(0);
          await all;
          const sent = pending.length;
          outbox.write(new Uint8Array(10));
          for (const flushed of pending) flushed();
          await Promise.resolve();
          clock.advance(100_000);
          expect(pending).toHaveLength(sent);
          expect(clock.timers).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('a pacer never asks for a wait of zero, nor for more than a frame takes', () => {
  fc.assert(
    fc.property(pace, fc.array(fc.nat(300), { maxLength: 30 }), (pace, times) => {
      const pacer = new Pacer(pace);
      pacer.push(new Uint8Array(100_000));
      let now = 0;
      for (const passed of times) {
        now += passed;
        const step = pacer.next(now);
        if (step.is !== 'wait') continue;
        expect(step.ms).toBeGreaterThan(0);
        expect(step.ms).toBeLessThanOrEqual(1_000 + 1);
        expect(pacer.next(now + step.ms).is).toBe('frame');
        now += step.ms;
      }
    }),
    { numRuns: 500 },
  );
});
