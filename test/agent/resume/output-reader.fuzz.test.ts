import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outputKey, type Piece } from '../../../src/agent/host/numbered-lines.ts';
import { type OutputEvents, OutputReader } from '../../../src/agent/resume/output-reader.ts';
import { verifies } from '../../requirements.ts';
import { numbered } from '../scripted-shell.ts';

const epoch = 'abcdef012345';

/** What becomes of a stretch of bytes on its way. */
const mishap = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  bytes: fc.integer({ min: 1, max: 80 }),
  what: fc.constantFrom('lost', 'doubled', 'interrupted', 'from another epoch'),
});
const line = fc.record({
  text: fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .map((text) => text.replaceAll(/[\r\n\u001e\u001f]/g, ' ')),
  piecesOf: fc.integer({ min: 1, max: 40 }),
});

/** What an epoch's `out` holds, as the host numbers it, in pieces of so many bytes. */
function fileOf(lines: readonly { readonly text: string; readonly piecesOf: number }[]): Buffer {
  const parts: Buffer[] = [];
  let offset = 0;
  const add = (payload: string, kind: Piece['kind']): void => {
    const piece = numbered(epoch, offset, payload, kind);
    offset += piece.length;
    parts.push(piece);
  };
  for (const { text, piecesOf } of lines) {
    const characters = Array.from(text);
    for (; characters.length > piecesOf;) add(characters.splice(0, piecesOf).join(''), 'more');
    add(characters.join(''), 'last');
  }
  return Buffer.concat(parts);
}

function damage(
  bytes: Buffer,
  mishaps: readonly (typeof mishap extends fc.Arbitrary<infer T> ? T : never)[],
): Buffer {
  let all = bytes;
  for (const { at, bytes: count, what } of mishaps) {
    const from = Math.floor(at * all.length);
    const stretch = all.subarray(from, from + count);
    const put = {
      lost: Buffer.alloc(0),
      doubled: Buffer.concat([stretch, stretch]),
      interrupted: Buffer.concat([Buffer.from('\u001e=x-1.7 5 5 10\u001f'), stretch]),
      'from another epoch': Buffer.concat([numbered('fedcba012345', from, 'other'), stretch]),
    }[what];
    all = Buffer.concat([all.subarray(0, from), put, all.subarray(from + count)]);
  }
  return all;
}

/** A reader of this epoch's output. It fails at what `events` does not expect. */
function readerOf(events: Partial<OutputEvents>): OutputReader {
  return new OutputReader({
    epoch,
    offset: 0,
    maxLineBytes: 1e6,
    onLine: () => expect.unreachable(),
    onOversizedLine: () => expect.unreachable(),
    onHostLine: () => expect.unreachable(),
    onRecord: () => undefined,
    onReport: () => undefined,
    onGap: () => expect.unreachable(),
    ...events,
  });
}

describe('an output reader', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.lost-output', 'host.doubled'],
      'passes on each line once and in order under any schedule of losses, cuts and doubles, and reports a loss before it passes on more',
    ),
    () => {
      let gaps = 0;
      fc.assert(
        fc.property(
          fc.array(line, { maxLength: 30 }),
          fc.array(fc.array(mishap, { maxLength: 6 }), { maxLength: 6 }),
          fc.integer({ min: 1, max: 100 }),
          (lines, attaches, frame) => {
            const file = fileOf(lines);
            const heard: { text: string; start: number; end: number }[] = [];
            let isMissing = false;
            const reader = readerOf({
              onLine: (bytes, start, end) => {
                expect(isMissing).toBe(false);
                heard.push({ text: Buffer.from(bytes).toString(), start, end });
              },
              onGap: () => {
                isMissing = true;
                gaps += 1;
              },
            });
            // The last attach is one on which all goes well.
            for (const mishaps of [...attaches, []]) {
              isMissing = false;
              reader.attached();
              const sent = damage(file.subarray(reader.received), mishaps);
              for (let at = 0; at < sent.length; at += frame) reader.push(sent.subarray(at, at + frame));
            }
            expect(heard.map(({ text }) => text)).toEqual(lines.map(({ text }) => text));
            expect(reader.received).toBe(file.length);
            for (const [index, { start, end }] of heard.entries()) {
              expect(start).toBe(heard[index - 1]?.end ?? 0);
              expect(end).toBeGreaterThan(start);
            }
          },
        ),
        { numRuns: 1500 },
      );
      expect(gaps).toBeGreaterThan(100);
    },
  );

  test('passes over a gap in the file itself, after eight attaches', () => {
    const [first, torn, last] = [
      numbered(epoch, 0, 'first'),
      Buffer.from('20 7:to\n'),
      numbered(epoch, 100, 'last'),
    ];
    const heard: string[] = [];
    let gaps = 0;
    const reader = readerOf({
      onLine: (bytes) => heard.push(Buffer.from(bytes).toString()),
      onGap: () => {
        gaps += 1;
      },
    });
    reader.push(Buffer.concat([first, torn, last]));
    for (; heard.length < 2;) {
      reader.attached();
      reader.push(Buffer.concat([torn, last]));
    }
    expect(heard).toEqual(['first', 'last']);
    expect(gaps).toBe(7);
  });

  test('reads the lines of a terminal that puts a carriage return before each newline', () => {
    const file = fileOf(['one', 'two\r', 'three'].map((text) => ({ text, piecesOf: 100 })));
    const heard: string[] = [];
    const reader = readerOf({
      onLine: (bytes) => heard.push(Buffer.from(bytes).toString()),
    });
    reader.push(Buffer.from(file.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'));
    expect(heard).toEqual(['one', 'two', 'three']);
    expect(reader.received).toBe(file.length);
  });

  test('drops everything that is not a numbered line of this epoch', () => {
    expect(outputKey(epoch)).toBe(0xabcdef0);
    const heard: string[] = [];
    const reader = readerOf({
      onLine: (bytes) => heard.push(Buffer.from(bytes).toString()),
    });
    reader.push(Buffer.from('{"a":1}\n0 3:abc\n0 3:abc#0\n99999999999999999999 1:a#1\n'));
    reader.push(numbered('fedcba012345', 500, 'other'));
    reader.push(numbered(epoch, 0, 'first'));
    expect(heard).toEqual(['first']);
  });
});
