import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkpointLine,
  noteLine,
  noteText,
  parseExitRecord,
  parseHostRecord,
  recordSeparator,
} from '../../../src/agent/host/records.ts';
import { hostFailure } from '../../../src/agent/host/failure.ts';
import { verifies } from '../../requirements.ts';
import { recordOf } from '../scripted-shell.ts';

const nonce = 'a1b2c3-7';
/** What a host says, as its first record to the first attempt. */
const said = (what: string): Buffer => Buffer.from(recordOf(`${nonce}.1`, 0, what).slice(0, -1));
const control = /[\u0000-\u001f\u007f-\u009f]/;
const word = fc.oneof(
  fc.constantFrom('e1', 'live', 'dead', '-', '0', '10', '-1', '1e9', '0x10', '9'.repeat(16), '9'.repeat(400)),
  fc.constantFrom('abcdef01', 'perl', '5:1,3', '5:', ':', '5:1,,3', '/home', '/a b', '/', 'begin', 'end'),
  fc.string({ maxLength: 5 }),
);
const kind = fc.constantFrom('need', 'taken', 'begin', 'fail', 'end', 'note', 'keeping', 'exit', '');
/** A line as a host might print it that means harm, or that was changed on its way. */
const record = fc
  .tuple(fc.string({ maxLength: 4 }), fc.constantFrom(nonce, 'a1b2c3-77', 'other', ''), kind, fc.array(word))
  .map(([before, name, what, words]) =>
    Buffer.from(before + recordOf(`${name}.1`, 0, [what, ...words].join(' ')).slice(0, -1)),
  );
const told = fc
  .tuple(fc.constantFrom('note agent', 'note thread', 'note', 'keeping kept', 'keeping'), fc.array(word))
  .map(([what, words]) => said([what, ...words].join(' ')));
const line = fc.oneof(
  record,
  told,
  fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
);

/** A `begin` that is as it should be, and what a hostile host may put in the place of one of its words. */
const words = ['abcdef01', 'live', '10', '20', '5:1,3', 'perl', '/home'];
const oneLie = fc.tuple(fc.nat(words.length - 1), word).map(([index, lie]) => {
  const all = words.with(index, lie);
  return said(`begin ${all.join(' ')}`);
});

describe('a line that a host prints', () => {
  test('of any bytes is read without an exception, and only under its nonce', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(line, (bytes) => {
        const read = parseHostRecord(bytes);
        seen.add(read?.record?.is ?? 'none');
        if (read !== undefined) expect(bytes.includes(`\u001eacb ${read.nonce}.${read.attempt} `)).toBe(true);
        expect(parseExitRecord(bytes)).toBeUndefined();
      }),
      { numRuns: 3000 },
    );
    for (const is of ['need', 'fail', 'note', 'keeping', 'none']) expect(seen).toContain(is);
  });

  test(verifies('host.damage', 'about an attach gives safe integers as offsets, whatever it says'), () => {
    let begun = 0;
    fc.assert(
      fc.property(oneLie, (bytes) => {
        const read = parseHostRecord(bytes)?.record;
        if (read?.is !== 'begin') return;
        begun += 1;
        expect(Number.isSafeInteger(read.inSize) && read.inSize >= 0).toBe(true);
        expect(Number.isSafeInteger(read.outOffset) && read.outOffset >= 0).toBe(true);
        expect(read.cwd.startsWith('/')).toBe(true);
        expect(read.epoch).toMatch(/^[0-9a-f]{7,}$/);
      }),
      { numRuns: 2000 },
    );
    expect(begun).toBeGreaterThan(100);
  });

  test('about a failure is reported in text that a terminal can show', () => {
    const what = fc.tuple(
      fc.constantFrom('tool', 'stty', 'directory', 'cwd', 'start', 'input', 'constructor', ''),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(what, (words) => {
        const { code, explanation } = hostFailure(words.join(' '));
        expect(code).toBe('host-failed');
        expect(explanation).not.toMatch(control);
      }),
      { numRuns: 1000 },
    );
  });

  test('about an exit returns any stderr', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(255), (stderr, code) => {
        const text = `exit ${code} ${Buffer.from(stderr).toString('base64') || '-'}`;
        expect(parseExitRecord(Buffer.from(text))).toEqual({ code, stderr });
      }),
    );
  });
});

describe('a line for the host', () => {
  const isOneLine = (bytes: Uint8Array): boolean =>
    bytes[0] === recordSeparator && bytes.indexOf(0x0a) === bytes.length - 1;

  test(verifies('host.notes', 'with any note is withheld from the agent, and returns the note'), () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('agent', 'thread'), (text, kind) => {
        const written = noteLine(kind, text);
        expect(isOneLine(written)).toBe(true);
        // As the host tells it again.
        const [, base64 = ''] = / (\S*);\n$/.exec(Buffer.from(written).toString()) ?? [];
        const read = parseHostRecord(said(`note ${kind} ${base64}`))?.record;
        expect(read).toEqual({ is: 'note', kind, piece: base64 });
        expect(noteText(base64)).toBe(text);
      }),
    );
  });

  test('with any checkpoint is withheld from the agent, and returns the checkpoint', () => {
    const offset = fc.nat(2 ** 50);
    fc.assert(
      fc.property(offset, fc.array(offset), (delivered, open) => {
        const written = checkpointLine({ delivered, open });
        expect(isOneLine(written)).toBe(true);
        const [, told = ''] = /ack (\S*);\n$/.exec(Buffer.from(written).toString()) ?? [];
        const begin = said(`begin ${words.with(4, told).join(' ')}`);
        expect(parseHostRecord(begin)?.record).toMatchObject({ checkpoint: { delivered, open } });
      }),
    );
  });
});
