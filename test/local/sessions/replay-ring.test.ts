import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplayRing } from '../../../src/local/sessions/replay-ring.ts';

test('the ring holds the latest bytes at their positions, whatever pieces they come in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 })),
      fc.integer({ min: 1, max: 32 }),
      (pieces, capacity) => {
        const ring = new ReplayRing(capacity);
        for (const piece of pieces) ring.push(piece);
        const all = Buffer.concat(pieces);
        expect(ring.end).toBe(all.length);
        expect(ring.start).toBe(Math.max(0, all.length - capacity));
        for (let position = 0; position <= all.length; position += 1) {
          expect(Buffer.from(ring.read(position))).toEqual(all.subarray(Math.max(position, ring.start)));
        }
      },
    ),
  );
});
