import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameFaults } from '../../../src/local/behaviour/frame-faults.ts';

function passAll(faults: FrameFaults, frames: readonly string[]): string[] {
  return frames.flatMap((frame) =>
    faults.pass(Buffer.from(frame)).payloads.map((payload) => Buffer.from(payload).toString()),
  );
}

const words = fc.array(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), { maxLength: 50 });

test('without a fault each frame passes unchanged', () => {
  fc.assert(
    fc.property(words, (frames) => {
      expect(passAll(new FrameFaults(), frames)).toEqual(frames);
    }),
  );
});

test('the next frames are lost whole, after those that are spared', () => {
  fc.assert(
    fc.property(words, fc.nat(20), fc.nat(20), (frames, afterFrames, count) => {
      const faults = new FrameFaults();
      faults.lose({ frames: count, afterFrames });
      expect(passAll(faults, frames)).toEqual(frames.toSpliced(afterFrames, count));
    }),
  );
});

test('a range of bytes is lost, however the bytes are divided into frames', () => {
  fc.assert(
    fc.property(words, fc.nat(100), fc.nat(100), (frames, afterBytes, bytes) => {
      const faults = new FrameFaults();
      faults.lose({ afterBytes, bytes });
      const all = frames.join('');
      expect(passAll(faults, frames).join('')).toBe(all.slice(0, afterBytes) + all.slice(afterBytes + bytes));
    }),
  );
});

test('a cut frame loses one piece of it, and never all', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 2, unit: 'grapheme-ascii' }), fc.nat(), (frame, seed) => {
      const faults = new FrameFaults();
      faults.lose({ probability: 1, seed, cut: true });
      const { payloads, lostBytes } = faults.pass(Buffer.from(frame));
      const left = Buffer.from(payloads[0] ?? []).toString();
      expect(payloads).toHaveLength(1);
      expect(left.length + lostBytes).toBe(frame.length);
      expect(left.length).toBeGreaterThan(0);
      expect(lostBytes).toBeGreaterThan(0);
      const pieces = Array.from({ length: left.length + 1 }, (_, at) =>
        frame.startsWith(left.slice(0, at)) && frame.endsWith(left.slice(at)) ? at : -1,
      );
      expect(pieces.some((at) => at >= 0)).toBe(true);
    }),
  );
});

test('a probability selects about that share of the frames, and the seed decides which', () => {
  const frames = Array.from({ length: 10_000 }, (_, i) => String(i));
  const lossy = (seed: number): string[] => {
    const faults = new FrameFaults();
    faults.lose({ probability: 0.05, seed });
    return passAll(faults, frames);
  };
  expect(lossy(1)).toEqual(lossy(1));
  expect(lossy(1)).not.toEqual(lossy(2));
  expect(Math.abs(lossy(1).length - 9500)).toBeLessThan(150);
});

test('a chosen frame is doubled and delayed', () => {
  const faults = new FrameFaults();
  faults.double({ frames: 1, afterFrames: 1 });
  faults.delay({ frames: 1 }, 30);
  const passages = ['a', 'b', 'c'].map((frame) => faults.pass(Buffer.from(frame)));
  expect(passages.map(({ payloads }) => payloads.length)).toEqual([1, 2, 1]);
  expect(passages.map(({ delayMs }) => delayMs)).toEqual([30, 0, 0]);
});

test('a fault ends when it is set to nothing, and frames without a payload are not counted', () => {
  const faults = new FrameFaults();
  faults.lose({ probability: 1, seed: 1 });
  expect(passAll(faults, ['a', ''])).toEqual(['']);
  faults.lose({ frames: 0 });
  expect(passAll(faults, ['a'])).toEqual(['a']);
  faults.lose({ frames: 1 });
  expect(passAll(faults, ['', 'a', 'b'])).toEqual(['', 'b']);
});
