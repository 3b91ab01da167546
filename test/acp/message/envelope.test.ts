import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Envelope, readEnvelope } from '../../../src/acp/message/envelope.ts';
import { stringAt } from '../../../src/acp/message/json-scanner.ts';
import { bytesOf, jsonText, parsed, parsedAt, textAt } from './json-texts.ts';

/** What was found in a line, with the values that the spans hold. */
function found(line: Uint8Array): { is: Envelope['is']; values: object } {
  const { is, members } = readEnvelope(line);
  if (is === 'not-json') return { is, values: {} };
  const values = Object.entries(members).map(([name, span]) => [name, parsedAt(line, span)] as const);
  return { is, values: Object.fromEntries(values) };
}

/** What should be, by `JSON.parse`. */
function expected(line: Uint8Array): { is: Envelope['is']; values: object } {
  const value = parsed(line);
  if (value === undefined) return { is: 'not-json', values: {} };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { is: 'other-json', values: {} };
  }
  const members = Object.entries(value).filter(([name]) => /^(?:id|method|params|result|error)$/.test(name));
  return { is: 'object', values: Object.fromEntries(members) };
}

/** Bytes that mean something to JSON or UTF-8 are the likely ones. */
const someByte = fc.oneof(
  fc.constantFrom(...bytesOf('{}[]",:\\/u0123456789+-.eEtfn \n\t'), 0x00, 0x1f, 0x7f, 0x80, 0xc3, 0xed, 0xff),
  fc.nat(255),
);
const mutated = fc
  .tuple(
    jsonText.map(bytesOf),
    fc.array(fc.record({ at: fc.nat(), drop: fc.nat(2), add: fc.array(someByte, { maxLength: 2 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([line, edits]) => {
    const bytes = [...line];
    for (const { at, drop, add } of edits) bytes.splice(at % (bytes.length + 1), drop, ...add);
    return Uint8Array.from(bytes);
  });

describe('readEnvelope', () => {
  test('agrees with JSON.parse on every JSON text, and its spans hold exactly the values', () => {
    fc.assert(
      fc.property(jsonText.map(bytesOf), (line) => {
        expect(found(line)).toEqual(expected(line));
      }),
      { numRuns: 2000 },
    );
  });

  test('agrees with JSON.parse on damaged JSON texts', () => {
    fc.assert(
      fc.property(mutated, (line) => {
        expect(found(line)).toEqual(expected(line));
      }),
      { numRuns: 5000 },
    );
  });

  test('agrees with JSON.parse on every cut of a message', () => {
    const line = bytesOf(' {"id":-1.5e+3,"method":"\\u00e9é\\n","params":[true,false,null,{"a":{}}]} ');
    for (let end = 0; end <= line.length; end++) {
      const cut = line.subarray(0, end);
      expect(found(cut)).toEqual(expected(cut));
    }
  });

  test.each([
    '',
    ' ',
    '01',
    '-',
    '-01',
    '1.',
    '.5',
    '+1',
    '1e',
    '1e+',
    '0x1',
    'NaN',
    'tru',
    'truex',
    'nulll',
    '"',
    '"\\',
    '"\\"',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\t"',
    '[',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[}',
    '{]',
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,}',
    '{a:1}',
    '{1:1}',
    '{"a":1 "b":2}',
    '{"a"::1}',
    '{} {}',
    '{}x',
    '{"id":1}]',
    '[[1]',
    "{'a':1}",
    '{"a":[1}}',
    '\u00a01',
    '\ufeff{}',
    '[1]/**/',
    '{"a":1}\0',
    '\v1',
  ])('refuses %j, as JSON.parse does', (text) => {
    expect(parsed(bytesOf(text))).toBeUndefined();
    expect(readEnvelope(bytesOf(text)).is).toBe('not-json');
  });

  test.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['half a character', [0x22, 0xc3, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ])('refuses %s in a string', (_, bytes) => {
    expect(readEnvelope(Uint8Array.from(bytes)).is).toBe('not-json');
  });

  test('takes the last of duplicate members, and decodes keys with escapes', () => {
    const line = bytesOf('{"id":1,"\\u0069d":"two","method":"m"}');
    expect(found(line)).toEqual({ is: 'object', values: { id: 'two', method: 'm' } });
  });

  test('sees only members at the top level', () => {
    const line = bytesOf('{"params":{"id":1,"method":"m"}}');
    expect(Object.keys(readEnvelope(line).members)).toEqual(['params']);
  });

  test('reads a view into a larger buffer', () => {
    const line = bytesOf('xx{"method":"é"}xx').subarray(2, -2);
    expect(stringAt(line, readEnvelope(line).members.method)).toBe('é');
  });

  test.each([
    ['open brackets', '['.repeat(1_000_000), 'not-json'],
    ['closed brackets', '['.repeat(1_000_000) + ']'.repeat(1_000_000), 'other-json'],
    ['objects', `${'{"a":'.repeat(1_000_000)}1${'}'.repeat(1_000_000)}`, 'object'],
    ['objects in arrays', `${'[{"a":'.repeat(500_000)}1${'}]'.repeat(500_000)}`, 'other-json'],
    ['objects that close as arrays', `${'{"a":'.repeat(1_000_000)}1${']'.repeat(1_000_000)}`, 'not-json'],
  ])('is not overcome by a million nested %s', (_, text, is) => {
    expect(readEnvelope(bytesOf(text)).is).toBe(is);
  });
});

describe('readEnvelope of a malformed line', () => {
  const outline = (text: string): unknown => {
    const line = bytesOf(text);
    const { is, members, brokenMember } = readEnvelope(line);
    const texts = Object.entries(members).map(([name, span]) => [name, textAt(line, span)]);
    return { is, members: Object.fromEntries(texts), brokenMember };
  };

  test('finds the whole members of a line that is cut off, and the member in which it is cut', () => {
    expect(outline('{"id":"a","method":"m","params":{"b":')).toEqual({
      is: 'not-json',
      members: { id: '"a"', method: '"m"' },
      brokenMember: 'params',
    });
  });

  test('does not take a number at the end of the line for whole', () => {
    expect(outline('{"method":"m","id":12')).toEqual({
      is: 'not-json',
      members: { method: '"m"' },
      brokenMember: 'id',
    });
    expect(outline('{"id":12,')).toEqual({ is: 'not-json', members: { id: '12' }, brokenMember: undefined });
  });

  test('does not take bytes behind a message for a part of it', () => {
    expect(outline('{"id":1}{')).toEqual({ is: 'not-json', members: { id: '1' }, brokenMember: undefined });
  });
});
