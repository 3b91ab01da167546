import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headBytes, LineAssembler } from '../../src/base/lines.ts';

interface Told {
  readonly kind: 'line' | 'oversized';
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

function assembler(maxBytes: number, offset: number): { told: Told[]; lines: LineAssembler } {
  const told: Told[] = [];
  const lines = new LineAssembler({
    maxBytes,
    offset,
    onLine: (line, start, end) => told.push({ kind: 'line', bytes: Buffer.from(line), start, end }),
    onOversizedLine: (head, start, end) =>
      told.push({ kind: 'oversized', bytes: Buffer.from(head), start, end }),
  });
  return { told, lines };
}

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .array(fc.constantFrom(0x0a, 0x0d, 0x1e, 0x61, 0xc3, 0xa9), { maxLength: 60 })
    .map((all) => Uint8Array.from(all)),
);
/** Chunks of a stream, empty ones among them. */
const chunks = fc.array(bytes, { maxLength: 12 });

describe('any chunks', () => {
  test('give lines that, with their endings, make up the stream', () => {
    fc.assert(
      fc.property(chunks, fc.nat(2 ** 40), (all, offset) => {
        const stream = Buffer.concat(all);
        const { told, lines } = assembler(10_000, offset);
        for (const chunk of all) lines.push(chunk);
        let at = offset;
        for (const { bytes, start, end } of told) {
          expect(start).toBe(at);
          const written = stream.subarray(start - offset, end - offset);
          expect([
            Buffer.concat([bytes, Buffer.from('\n')]),
            Buffer.concat([bytes, Buffer.from('\r\n')]),
          ]).toContainEqual(written);
          expect(bytes.includes(0x0a)).toBe(false);
          at = end;
        }
        expect(lines.pendingBytes).toBe(offset + stream.length - at);
        expect(stream.subarray(at - offset).includes(0x0a)).toBe(false);
      }),
      { numRuns: 1500 },
    );
  });

  test('are not read after the call, so they can be reused', () => {
    fc.assert(
      fc.property(chunks, fc.nat(20), (all, maxBytes) => {
        const kept = assembler(maxBytes, 0);
        for (const chunk of all) kept.lines.push(chunk);
        // Each chunk is overwritten when all of its lines are told and nothing of it is pending.
        const reused = assembler(maxBytes, 0);
        for (const chunk of all) {
          const own = Uint8Array.from(chunk);
          reused.lines.push(own);
          if (reused.lines.pendingBytes === 0) own.fill(0x0a);
        }
        expect(reused.told).toEqual(kept.told);
      }),
    );
  });

  test('keep no more of a line than its limit and a head, however long it is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(3 * headBytes), { minLength: 1, maxLength: 10 }),
        fc.nat(2 * headBytes),
        (lengths, maxBytes) => {
          const { told, lines } = assembler(maxBytes, 0);
          for (const length of lengths) lines.push(new Uint8Array(length).fill(0x61));
          lines.push(Uint8Array.of(0x0a));
          const total = lengths.reduce((sum, length) => sum + length, 0);
          const isOversized = total > maxBytes;
          expect(told).toHaveLength(1);
          expect(told[0]).toMatchObject({
            kind: isOversized ? 'oversized' : 'line',
            start: 0,
            end: total + 1,
          });
          expect(told[0]?.bytes.length).toBe(isOversized ? Math.min(total, headBytes) : total);
        },
      ),
    );
  });

  test("continue from another assembler's position, at any line", () => {
    fc.assert(
      fc.property(chunks, fc.nat(30), fc.nat(), (all, maxBytes, where) => {
        const stream = Buffer.concat(all);
        const whole = assembler(maxBytes, 0);
        whole.lines.push(stream);
        fc.pre(whole.told.length > 0);
        const from = whole.told[where % whole.told.length]?.start ?? 0;
        const rest = assembler(maxBytes, from);
        rest.lines.push(stream.subarray(from));
        expect(rest.told).toEqual(whole.told.filter(({ start }) => start >= from));
      }),
    );
  });
});
