import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headBytes, LineAssembler } from '../../src/base/lines.ts';
import { collectGarbage } from '../collect-garbage.ts';
import { verifies } from '../requirements.ts';

type Told = readonly [kind: 'line' | 'oversized', text: string, start: number, end: number];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** An assembler and what it has told so far. */
function assembler(maxBytes: number, offset?: number): { told: Told[]; lines: LineAssembler } {
  const told: Told[] = [];
  const lines = new LineAssembler({
    maxBytes,
    ...(offset === undefined ? {} : { offset }),
    onLine: (line, start, end) => told.push(['line', textOf(line), start, end]),
    onOversizedLine: (head, start, end) => told.push(['oversized', textOf(head), start, end]),
  });
  return { told, lines };
}

/** What a stream holds, found the plain way. */
function expectedOf(stream: Uint8Array, maxBytes: number, offset: number): Told[] {
  let start = offset;
  return textOf(stream)
    .split('\n')
    .slice(0, -1)
    .map((line): Told => {
      const from = start;
      start += line.length + 1;
      if (line.length > maxBytes) return ['oversized', line.slice(0, headBytes), from, start];
      return ['line', line.endsWith('\r') ? line.slice(0, -1) : line, from, start];
    });
}

function* cut(stream: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const length of lengths) {
    yield stream.subarray(at, at + length);
    at += length;
  }
  yield stream.subarray(at);
}

const stream = fc
  .array(fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x61), fc.nat(255)), { maxLength: 200 })
  .map((bytes) => Uint8Array.from(bytes));
const longStream = fc
  .array(
    fc.record({ length: fc.nat(3 * headBytes), isCrLf: fc.boolean(), fill: fc.constantFrom('a', 'b', 'é') }),
    { maxLength: 5 },
  )
  .map((lines) =>
    bytesOf(lines.map(({ length, isCrLf, fill }) => fill.repeat(length) + (isCrLf ? '\r\n' : '\n')).join('')),
  );

describe('LineAssembler', () => {
  test('gives the end of a line without its newline', () => {
    const { told, lines } = assembler(4);
    lines.end(Buffer.from('one\r'));
    lines.end(Buffer.from(''));
    lines.push(Buffer.from('tw'));
    lines.end(Buffer.from('o'));
    lines.push(Buffer.from('th'));
    lines.end(Buffer.from('ree'));
    lines.end(Buffer.from('seven'));
    lines.push(Buffer.from('last\n'));
    expect(told).toEqual([
      ['line', 'one', 0, 5],
      ['line', '', 5, 6],
      ['line', 'two', 6, 10],
      ['oversized', 'three', 10, 16],
      ['oversized', 'seven', 16, 22],
      ['line', 'last', 22, 27],
    ]);
  });

  test('makes the same lines and offsets of a stream, however it is split', () => {
    fc.assert(
      fc.property(
        stream,
        fc.array(fc.nat(20)),
        fc.nat(60),
        fc.nat(1000),
        (bytes, lengths, maxBytes, offset) => {
          const { told, lines } = assembler(maxBytes, offset);
          for (const chunk of cut(bytes, lengths)) lines.push(chunk);
          expect(told).toEqual(expectedOf(bytes, maxBytes, offset));
          expect(lines.pendingBytes).toBe(bytes.length - (bytes.lastIndexOf(0x0a) + 1));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('makes the same heads of oversized lines, however they are split', () => {
    fc.assert(
      fc.property(
        longStream,
        fc.array(fc.nat(2 * headBytes)),
        fc.nat(2 * headBytes),
        (bytes, lengths, maxBytes) => {
          const { told, lines } = assembler(maxBytes);
          for (const chunk of cut(bytes, lengths)) lines.push(chunk);
          expect(told).toEqual(expectedOf(bytes, maxBytes, 0));
        },
      ),
    );
  });

  test(
    verifies('acp.split-characters', 'a character that is split over chunks of one byte arrives whole'),
    () => {
      const found: string[] = [];
      const lines = new LineAssembler({
        maxBytes: 100,
        onLine: (line) => found.push(new TextDecoder('utf-8', { fatal: true }).decode(line)),
        onOversizedLine: () => expect.unreachable(),
      });
      for (const byte of bytesOf('aé漢😀\n')) lines.push(Uint8Array.of(byte));
      expect(found).toEqual(['aé漢😀']);
    },
  );

  test('takes LF and CRLF for the end of a line, and CR alone for a part of it', () => {
    const { told, lines } = assembler(100);
    lines.push(bytesOf('a\nb\r\n\r\n\nc\rd\r\r\n'));
    expect(told.map(([, text]) => text)).toEqual(['a', 'b', '', '', 'c\rd\r']);
  });

  test('finds a CRLF that is split between chunks', () => {
    const { told, lines } = assembler(100);
    for (const part of ['a\r', '\nb']) lines.push(bytesOf(part));
    expect(told).toEqual([['line', 'a', 0, 3]]);
    expect(lines.pendingBytes).toBe(1);
  });

  test('counts offsets from a given one', () => {
    const { told, lines } = assembler(100, 2 ** 40);
    lines.push(bytesOf('ab\n\n'));
    expect(told).toEqual([
      ['line', 'ab', 2 ** 40, 2 ** 40 + 3],
      ['line', '', 2 ** 40 + 3, 2 ** 40 + 4],
    ]);
  });

  test('accepts a line of exactly the limit, and drops one of a byte more', () => {
    const { told, lines } = assembler(3);
    lines.push(bytesOf('abc\nabcd\nab\n'));
    expect(told.map(([kind, text]) => [kind, text])).toEqual([
      ['line', 'abc'],
      ['oversized', 'abcd'],
      ['line', 'ab'],
    ]);
  });

  test('gives a line that lies in one chunk without copying it', () => {
    const chunk = bytesOf('ab\ncd\n');
    const buffers = new Set<ArrayBufferLike>();
    const lines = new LineAssembler({
      maxBytes: 100,
      onLine: (line) => buffers.add(line.buffer),
      onOversizedLine: () => expect.unreachable(),
    });
    lines.push(chunk);
    expect([...buffers]).toEqual([chunk.buffer]);
  });

  test(verifies('acp.oversized', 'reports an oversized line once, at its end, with its first bytes'), () => {
    const { told, lines } = assembler(10_000);
    const part = bytesOf('0123456789'.repeat(100));
    for (let count = 0; count < 50; count++) lines.push(part);
    expect(told).toEqual([]);
    expect(lines.pendingBytes).toBe(50_000);
    lines.push(bytesOf('\nnext\n'));
    expect(told).toEqual([
      ['oversized', '0123456789'.repeat(500).slice(0, headBytes), 0, 50_001],
      ['line', 'next', 50_001, 50_006],
    ]);
  });

  test(verifies('acp.oversized', 'does not keep chunks of an oversized line'), async () => {
    const { lines } = assembler(100_000);
    const buffers = Array.from({ length: 100 }, () => pushed(lines, new Uint8Array(10_000)));
    expect(lines.pendingBytes).toBe(1_000_000);
    // What a WeakRef names is kept until the job that made it ends.
    await new Promise(setImmediate);
    collectGarbage();
    expect(buffers.filter((buffer) => buffer.deref() !== undefined)).toEqual([]);
  });
});

/** The memory behind the chunk: views on it keep that, not the chunk. */
function pushed(lines: LineAssembler, chunk: Uint8Array): WeakRef<ArrayBufferLike> {
  lines.push(chunk);
  return new WeakRef(chunk.buffer);
}
