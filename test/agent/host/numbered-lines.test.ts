import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  decodePiece,
  encodePiece,
  type Engine,
  maxPayloadBytes,
  maxPieceBytes,
  outputKey,
  type Piece,
} from '../../../src/agent/host/numbered-lines.ts';

const scripts = join(import.meta.dirname, '../../../src/agent/host/scripts');
const epoch = 'abcdef012345';
const key = 123_456_789;
const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** The ways to number lines that an image may have, as far as this machine has them. */
const engines: readonly (readonly [name: string, engine: Engine, words: string])[] = (
  [
    ['perl', 'perl', 'perl'],
    ['gawk', 'awk', 'gawk -b'],
    ['mawk', 'awk', 'mawk -W interactive'],
    ['busybox awk', 'awk', 'busybox awk'],
  ] as const
).filter(([, , words]) => spawnSync('sh', ['-c', `command -v ${words.split(' ')[0]}`]).status === 0);

function epochDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), 'acb-lines-'));
  directories.push(parent);
  const directory = join(parent, epoch);
  mkdirSync(directory);
  writeFileSync(join(directory, 'in'), '');
  writeFileSync(join(directory, 'out'), '');
  return directory;
}

/** Runs a function of the host's on this input. */
async function run(cwd: string, words: string, call: string, input: Uint8Array, chunk = 50_000) {
  const child = spawn('bash', ['-c', `. ${scripts}/lines.sh; engine=(${words}); ${call} 3>next`], { cwd });
  const said: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => said.push(bytes));
  child.stdin.on('error', () => undefined);
  for (let at = 0; at < input.length; at += chunk) child.stdin.write(input.subarray(at, at + chunk));
  child.stdin.end();
  const status = await new Promise((resolve) => child.on('close', resolve));
  return { status, said: Buffer.concat(said).toString('latin1') };
}

function encode(pieces: readonly Piece[], engine: Engine): Buffer[] {
  return pieces.map((piece) => {
    const target = Buffer.alloc(maxPieceBytes);
    return target.subarray(0, encodePiece(target, 0, piece, { key, engine }));
  });
}

function inputPieces(text: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < text.length;) {
    const line = text.indexOf(0x0a, from);
    const isLast = line - from <= maxPayloadBytes;
    const to = isLast ? line : from + maxPayloadBytes;
    pieces.push({ offset: from, payload: text.subarray(from, to), kind: isLast ? 'last' : 'more' });
    from = isLast ? to + 1 : to;
  }
  return pieces;
}

/** Lines of many lengths, with every byte that may stand in one. */
const lengths = [0, 1, 2, 3, 4, 5, 300, 8191, 8192, 8193, 16_384, 16_385, 100_000];
const text = Buffer.concat(
  lengths.map((length, index) => {
    const line = Buffer.alloc(length + 1);
    for (let at = 0; at < length; at += 1) line[at] = 0x20 + ((at * 7 + index) % 0xdf);
    line[length] = 0x0a;
    return line;
  }),
);

describe('a numbered line', () => {
  test('is read as it was written', () => {
    const payload = fc.uint8Array({ maxLength: 200 });
    const kind = fc.constantFrom('more', 'last', 'host');
    fc.assert(
      fc.property(
        payload,
        fc.maxSafeNat(),
        kind,
        fc.constantFrom('perl', 'awk'),
        (bytes, at, how, engine) => {
          const offset = at % 1e14;
          // Between other bytes, digits among them.
          const from = at % 8;
          const target = Buffer.alloc(maxPieceBytes + from, '1');
          const end = encodePiece(target, from, { offset, payload: bytes, kind: how }, { key, engine });
          const piece = decodePiece(target, key, from, end - 1);
          expect(piece && { ...piece, payload: [...piece.payload] }).toEqual({
            offset,
            payload: [...bytes],
            kind: how,
          });
          expect(decodePiece(target.subarray(from, end - 1), key)).toEqual(piece);
          expect(decodePiece(target, key, from, end - 2)).toBeUndefined();
          expect(decodePiece(target, key + 1, from, end - 1)).toBeUndefined();
        },
      ),
    );
  });

  test('of which a part was lost, doubled or replaced is not accepted', () => {
    const payload = Buffer.from(
      '{"jsonrpc":"2.0","method":"session/update","params":{"text":"hello hello"}}',
    );
    const [piece = Buffer.of()] = encode([{ offset: 4711, payload, kind: 'last' }], 'perl');
    const line = piece.subarray(0, -1);
    const position = fc.nat(line.length);
    fc.assert(
      fc.property(position, position, position, position, (a, b, c, d) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const [again, until] = [Math.min(c, d), Math.max(c, d)];
        const damaged = Buffer.concat([
          line.subarray(0, from),
          line.subarray(again, until),
          line.subarray(to),
        ]);
        const read = decodePiece(damaged, key);
        expect(read === undefined || damaged.equals(line)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the host', () => {
  test.runIf(engines.some(([name]) => name === 'perl'))(
    'numbers lines with perl where the image has it',
    () => {
      const said = spawnSync('bash', [
        '-c',
        `. ${scripts}/lines.sh; find_engine 2>/dev/null; echo "\${engine[*]}"`,
      ]);
      expect(said.stdout.toString()).toBe('perl\n');
    },
  );
});

describe.each(engines)('the host, with %s,', (_, engine, words) => {
  test("numbers the agent's output so that the bridge reads the same lines", async () => {
    const directory = epochDirectory();
    await run(directory, words, `number_out ${directory}`, Buffer.concat([text, Buffer.from('a\u001eb\n')]));
    const out = readFileSync(join(directory, 'out'));
    const read: Buffer[] = [];
    for (let at = 0; at < out.length;) {
      const end = out.indexOf(0x0a, at);
      const piece = decodePiece(out.subarray(at, end), outputKey(epoch));
      expect(piece?.offset).toBe(at);
      if (piece !== undefined) read.push(Buffer.from(piece.payload));
      if (piece?.kind === 'last') read.push(Buffer.of(0x0a));
      at = end + 1;
    }
    expect(Buffer.concat(read).equals(Buffer.concat([text, Buffer.from('a b\n')]))).toBe(true);
  });

  test('accepts the lines that the bridge sent', async () => {
    const directory = epochDirectory();
    const pieces = Buffer.concat(encode(inputPieces(text), engine));
    const question = Buffer.from('?me-1.7\n?other.8\n');
    const { status, said } = await run(
      directory,
      words,
      `take_in ${key} me-1`,
      Buffer.concat([pieces, question]),
    );
    expect(readFileSync(join(directory, 'in')).equals(text)).toBe(true);
    expect(said).toBe(`\u001e=me-1.7 ${text.length} 0 ${text.length}\u001f`);
    expect(status).toBe(2);
  });

  test('rejects pieces that are cut, doubled, out of order or of another attach, and everything else', async () => {
    const directory = epochDirectory();
    const pieces = inputPieces(Buffer.from('first\nsecond\nthird\n'));
    const [first = Buffer.of(), second = Buffer.of(), third = Buffer.of()] = encode(pieces, engine);
    const [late = Buffer.of()] = inputPieces(Buffer.from('other\n')).map((piece) => {
      const target = Buffer.alloc(maxPieceBytes);
      return target.subarray(0, encodePiece(target, 0, piece, { key: key + 1, engine }));
    });
    const input = Buffer.concat([
      Buffer.from('{"jsonrpc":"2.0"}\n0 5:\n0 6:first#1\n'),
      late,
      first.subarray(0, 6),
      late,
      Buffer.from('\n'),
      first,
      first,
      third,
      third,
      second.subarray(0, 4),
      second.subarray(5),
      second,
      Buffer.from(' """": 5;echo\n """: 4;echo\n'),
      third,
      Buffer.from(' """": 4;echo\nnot read any more'),
    ]);
    const { status, said } = await run(directory, words, `take_in ${key} me-1`, input, 7);
    expect(readFileSync(join(directory, 'in'), 'latin1')).toBe('first\nsecond\nthird\n');
    expect(said).toBe('\u001e!me-1 6 0 6\u001f');
    expect(status).toBe(0);
    expect(readFileSync(join(directory, 'next'), 'latin1').trimEnd()).toBe('echo');
  });
});
