import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beside, exchanged, renamed, sessionIdsIn } from '../../../src/acp/message/session-text.ts';
import { splice } from '../../../src/acp/message/splice.ts';
import { verifies } from '../../requirements.ts';
import { bytesOf, textOf } from './json-texts.ts';

function exchange(text: string, names: Readonly<Record<string, string>>): string {
  const line = bytesOf(text);
  return textOf(
    splice(line, exchanged(line, { start: 0, end: line.length }, new Map(Object.entries(names)))),
  );
}

describe('exchanging session ids', () => {
  test(verifies('acp.session-ids', 'finds every string that equals one, and no other'), () => {
    expect(
      exchange('{"sessionId":"s","a":["s","ss","\\"s\\"",{"s":"x s"}],"text":"say \\"s\\""}', { s: 'long' }),
    ).toBe('{"sessionId":"long","a":["long","ss","\\"s\\"",{"long":"x s"}],"text":"say \\"s\\""}');
  });

  test.each([
    ['{"a":"x","b":1}', ','],
    ['{"a":"x","b":1}', ':'],
    ['["x","y"]', ','],
  ])('is not misled by what stands between two strings: %s with %s', (text, id) => {
    expect(exchange(text, { [id]: 'z' })).toBe(text);
  });

  test('knows an id that is written with escapes', () => {
    expect(exchange('["a\\/b","\\u0061/b","é","\\u00e9"]', { 'a/b': 'x', é: 'y' })).toBe('["x","x","y","y"]');
  });

  test('of several at once does not exchange what it put in', () => {
    expect(exchange('["a","b"]', { a: 'b', b: 'a' })).toBe('["b","a"]');
  });

  test('does to any JSON what JSON.parse with a reviver would', () => {
    const id = fc.constantFrom('s', 'a/b', 'é"', ',', '\\', 'acb-1');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        id,
        fc.string(),
        fc.integer(),
        fc.array(tie('any')),
        fc.dictionary(fc.string(), tie('any')),
      ),
    })).any;
    fc.assert(
      fc.property(value, id, fc.string(), (value, from, to) => {
        const after: unknown = JSON.parse(exchange(JSON.stringify(value), { [from]: to }));
        const expected: unknown = JSON.parse(
          JSON.stringify(value, (_, each: unknown) => (each === from ? to : each)),
        );
        const hasKey = JSON.stringify(value).includes(`${JSON.stringify(from)}:`);
        if (!hasKey) expect(after).toEqual(expected);
      }),
    );
  });

  test('leaves to others what they change as well', () => {
    const line = bytesOf('{"id":"s","params":{"sessionId":"s"}}');
    const own = [{ span: { start: 6, end: 9 }, bytes: bytesOf('1') }];
    const names = exchanged(line, { start: 0, end: line.length }, new Map([['s', 't']]));
    expect(textOf(splice(line, [...own, ...beside(names, own)]))).toBe('{"id":1,"params":{"sessionId":"t"}}');
  });
});

test('a line is renamed where it is said, beside its own edits, and else stays what it was', () => {
  const line = bytesOf('{"id":"s","params":{"sessionId":"s"},"s":"s"}');
  const names = new Map([['s', 't']]);
  const params = { start: 19, end: 36 };
  const own = [{ span: { start: 6, end: 9 }, bytes: bytesOf('1') }];
  expect(textOf(renamed(line, params, names, own))).toBe('{"id":1,"params":{"sessionId":"t"},"s":"s"}');
  expect(textOf(renamed(line, { start: 0, end: line.length }, names, own))).toBe(
    '{"id":1,"params":{"sessionId":"t"},"t":"t"}',
  );
  expect(renamed(line, undefined, names)).toEqual(line);
});

test('session ids are found by the names of their members, at any depth', () => {
  const line = bytesOf(
    '{"sessionId":"a","u":{"childSessionId" : "b\\u0063","x":[{"sessionId":3,"parent_sessionId":"d"}]},"t":"\\"sessionId\\":\\"e\\""}',
  );
  expect(sessionIdsIn(line, { start: 0, end: line.length })).toEqual(['a', 'bc', 'd']);
});
