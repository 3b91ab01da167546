import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../../src/shell/limits.ts';
import { Pacer, slower, smaller } from '../../src/shell/pacing.ts';
import { verifies } from '../requirements.ts';

/** Takes frames, letting time pass as the pacer asks, until it is empty. */
function drain(pacer: Pacer, from = 0): { at: number; frame: Uint8Array }[] {
  const sent: { at: number; frame: Uint8Array }[] = [];
  let now = from;
  for (;;) {
    const step = pacer.next(now);
    if (step.is === 'empty') return sent;
    if (step.is === 'wait') now += step.ms;
    else sent.push({ at: now, frame: step.frame });
  }
}

function most(times: readonly number[], windowMs: number): number {
  return Math.max(
    0,
    ...times.map((start) => times.filter((at) => at >= start && at <= start + windowMs).length),
  );
}

describe('pacing', () => {
  it('bytes leave in the order in which they were written, whatever the sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 2, max: 20 }),
        (writes, frameBytes) => {
          const pacer = new Pacer({ frameBytes, framesPerSecond: 200 });
          for (const bytes of writes) pacer.push(bytes);
          const frames = drain(pacer).map(({ frame }) => frame);
          expect(Buffer.concat(frames.map((frame) => frame.subarray(1)))).toEqual(Buffer.concat(writes));
          expect(frames.every((frame) => frame.length <= frameBytes && frame[0] === 0)).toBe(true);
          expect(pacer.queuedBytes).toBe(0);
        },
      ),
    );
  });

  it('only a write that no frame can hold is split', () => {
    const writes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }));
    fc.assert(
      fc.property(writes, fc.integer({ min: 2, max: 20 }), (all, frameBytes) => {
        const pacer = new Pacer({ frameBytes, framesPerSecond: 200 });
        for (const bytes of all) pacer.push(bytes);
        const borders = new Set<number>();
        let end = 0;
        for (const { frame } of drain(pacer)) borders.add((end += frame.length - 1));
        let start = 0;
        for (const bytes of all) {
          const inside = [...borders].filter((at) => at > start && at < start + bytes.length);
          if (bytes.length < frameBytes) expect(inside).toEqual([]);
          start += bytes.length;
        }
      }),
    );
  });

  it('small writes share a frame', () => {
    const pacer = new Pacer(defaultLimits);
    for (const text of ['a', 'bc', 'def']) pacer.push(Buffer.from(text));
    expect(drain(pacer).map(({ frame }) => Buffer.from(frame).toString())).toEqual(['\0abcdef']);
  });

  it(
    verifies(
      'shell.frame-limit',
      'large writes are split into frames of at most 60 KB, all but the last full',
    ),
    () => {
      const pacer = new Pacer(defaultLimits);
      pacer.push(new Uint8Array(1_000_000));
      const sizes = drain(pacer).map(({ frame }) => frame.length);
      expect(sizes.slice(0, -1).every((bytes) => bytes === 60 * 1024)).toBe(true);
      expect(sizes.at(-1)).toBeLessThanOrEqual(60 * 1024);
    },
  );

  it(verifies('shell.frame-rate', 'no window of a second has more than 200 frames, under any load'), () => {
    const load = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 400 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(load, (bursts) => {
        const pacer = new Pacer({ frameBytes: 2, framesPerSecond: 200 });
        const times: number[] = [];
        let now = 0;
        for (const [idleMs, bytes] of bursts) {
          now += idleMs;
          pacer.push(new Uint8Array(bytes));
          for (const { at } of drain(pacer, now)) {
            times.push(at);
            now = at;
          }
        }
        expect(most(times, 1_000)).toBeLessThanOrEqual(200);
      }),
      { numRuns: 30 },
    );
  });

  it('a twenty-fifth of the frames of a second leaves at once, and the rest is spread evenly', () => {
    const pacer = new Pacer({ frameBytes: 2, framesPerSecond: 200 });
    pacer.push(new Uint8Array(1_000));
    const times = drain(pacer).map(({ at }) => at);
    expect(times.filter((at) => at === 0)).toHaveLength(8);
    // The burst comes again when its frames are a second old.
    expect(most(times.slice(8), 100)).toBeLessThanOrEqual(29);
    expect(most(times, 1_000)).toBe(200);
    // No more than one millisecond a second is left unused.
    expect(times.at(-1)).toBeLessThanOrEqual(5_000);
  });

  it('a timer that is 30 ms late now and then costs nothing of the rate', () => {
    const pacer = new Pacer({ frameBytes: 2, framesPerSecond: 200 });
    pacer.push(new Uint8Array(1_000));
    let now = 0;
    let waits = 0;
    for (let step = pacer.next(now); step.is !== 'empty'; step = pacer.next(now)) {
      if (step.is !== 'wait') continue;
      waits += 1;
      now += step.ms + (waits % 20 === 0 ? 30 : 0.5);
    }
    expect(1_000 / (now / 1_000)).toBeGreaterThan(195);
  });

  it('complaints make frames fewer and smaller, down to a minimum', () => {
    const pace = { frameBytes: 8_193, framesPerSecond: 40 };
    expect(slower(pace)).toEqual({ frameBytes: 8_193, framesPerSecond: 25 });
    expect(smaller(pace)).toEqual({ frameBytes: 4_096, framesPerSecond: 40 });
    expect(smaller(smaller(pace))).toEqual({ frameBytes: 4_096, framesPerSecond: 40 });
  });
});
