import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collectGarbage } from '../../collect-garbage.ts';
import { elements, memberOf, members, stringAt } from '../../../src/acp/message/json-scanner.ts';
import { arrayText, bytesOf, objectText, parsed, parsedAt, stringText, textAt, whole } from './json-texts.ts';

test('a decoded string does not keep its line in memory', async () => {
  const read = (): WeakRef<ArrayBufferLike> => {
    const line = Buffer.allocUnsafeSlow(100_000).fill(0x20);
    line.write('{"a name of a member":"the text of a string"}');
    expect(stringAt(line, memberOf(line, whole(line), 'a name of a member'))).toBe('the text of a string');
    return new WeakRef(line.buffer);
  };
  const held = read();
  // A WeakRef holds its target until the job that made it ends.
  await new Promise(setImmediate);
  collectGarbage();
  expect(held.deref()).toBeUndefined();
});

test('strings with the same hash or length are told apart', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\\', 'é', '\u0000'), maxLength: 3 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 2 }), (texts) => {
      const line = bytesOf(JSON.stringify(texts));
      expect(elements(line, whole(line)).map((span) => stringAt(line, span))).toEqual(texts);
    }),
    { numRuns: 1000 },
  );
});

describe('members', () => {
  test('returns the keys and values that JSON.parse finds', () => {
    fc.assert(
      fc.property(objectText, (text) => {
        const line = bytesOf(text);
        const found = members(line, whole(line)).map(({ name, value }) => [name, parsedAt(line, value)]);
        expect(Object.fromEntries(found)).toEqual(parsed(line));
      }),
      { numRuns: 1000 },
    );
  });

  test('returns duplicate members, each with its position', () => {
    const line = bytesOf('{ "a" : 1 , "\\u0061":[2] }');
    const found = members(line, whole(line));
    expect(found.map(({ name, keyStart, value }) => [name, keyStart, textAt(line, value)])).toEqual([
      ['a', 2, '1'],
      ['a', 12, '[2]'],
    ]);
  });

  test.each(['[1]', '"{}"', '1', 'null', '{}', '{ }'])('is empty for %s', (text) => {
    const line = bytesOf(text);
    expect(members(line, whole(line))).toEqual([]);
  });
});

describe('memberOf', () => {
  test('returns the last of duplicate members, as JSON.parse does', () => {
    const line = bytesOf('{"a":1,"b":{"a":2},"\\u0061":3,"b":4}');
    const span = memberOf(line, whole(line), 'a');
    expect(span && textAt(line, span)).toBe('3');
  });

  test.each(['{"b":1}', '{}', '["a"]', '"a"', 'null'])('is undefined for %s', (text) => {
    const line = bytesOf(text);
    expect(memberOf(line, whole(line), 'a')).toBeUndefined();
  });
});

describe('elements', () => {
  test('returns the values that JSON.parse finds, in order', () => {
    fc.assert(
      fc.property(arrayText, (text) => {
        const line = bytesOf(text);
        expect(elements(line, whole(line)).map((span) => parsedAt(line, span))).toEqual(parsed(line));
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['{"a":1}', '"[1]"', '1', 'null', '[]', '[ ]'])('is empty for %s', (text) => {
    const line = bytesOf(text);
    expect(elements(line, whole(line))).toEqual([]);
  });
});

describe('stringAt', () => {
  test('decodes strings as JSON.parse does', () => {
    fc.assert(
      fc.property(stringText, (text) => {
        const line = bytesOf(text);
        expect(stringAt(line, whole(line))).toBe(parsed(line));
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['1', 'null', '["a"]', '{"a":"b"}'])('is undefined for %s', (text) => {
    const line = bytesOf(text);
    expect(stringAt(line, whole(line))).toBeUndefined();
  });

  test('is undefined if there is no value', () => {
    expect(stringAt(bytesOf('{}'), undefined)).toBeUndefined();
  });
});
