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
  test(verifies('acp.session-ids', 'exchanges every string that equals a long id, and no other'), () => {
    const id = 'session-0123456789';
    expect(
      exchange(
        `{"sessionId":"${id}","a":["${id}","${id}s","\\"${id}\\"",{"${id}":"x ${id}"}],"b":"\\"${id}\\""}`,
        {
          [id]: 'x',
        },
      ),
    ).toBe(`{"sessionId":"x","a":["x","${id}s","\\"${id}\\"",{"x":"x ${id}"}],"b":"\\"${id}\\""}`);
  });

  test(
    verifies('acp.session-ids', 'exchanges a short id only where a member’s name says that it is one'),
    () => {
      expect(
        exchange(
          '{"sessionId":"1","childSessionId":"1","session_id":"1","sessionIds":["1","2"],"sessions":[{"sessionId":"1","title":"1"}],"value":"1","1":["1"]}',
          { 1: 'x' },
        ),
      ).toBe(
        '{"sessionId":"x","childSessionId":"x","session_id":"x","sessionIds":["x","2"],"sessions":[{"sessionId":"x","title":"1"}],"value":"1","1":["1"]}',
      );
    },
  );

  test.each(['1', 'session-0123456789'])(
    verifies('acp.session-ids', 'leaves text of users and agents alone, even if it equals the id %s'),
    (id) => {
      const written = [
        `"prompt":[{"type":"text","text":"${id}"},{"sessionId":"${id}"}]`,
        `"content":{"text":"${id}","${id}":"${id}"}`,
        `"rawInput":{"sessionId":"${id}"}`,
        `"rawOutput":["${id}"]`,
        `"output":"${id}"`,
      ].join(',');
      expect(exchange(`{${written},"sessionId":"${id}"}`, { [id]: 'x' })).toBe(
        `{${written},"sessionId":"x"}`,
      );
    },
  );

  test.each([
    ['{"a":"x","b":1}', ','],
    ['{"a":"x","b":1}', ':'],
    ['["x","y"]', ','],
  ])('is not confused by the text between two strings: %s with %s', (text, id) => {
    expect(exchange(text, { [id]: 'z' })).toBe(text);
  });

  test('recognizes an id that is written with escapes', () => {
    const text = '{"sessionIds":["a\\/b","\\u0061/b","é","\\u00e9"],"session\\u0049d":"é"}';
    expect(exchange(text, { 'a/b': 'x', é: 'y' })).toBe(
      '{"sessionIds":["x","x","y","y"],"session\\u0049d":"y"}',
    );
  });

  test('does not exchange an id that it has just put in', () => {
    expect(exchange('{"sessionIds":["a","b"]}', { a: 'b', b: 'a' })).toBe('{"sessionIds":["b","a"]}');
  });

  test('changes any JSON as JSON.parse with a reviver would', () => {
    const id = fc.constantFrom('s', 'a/b', 'é"', ',', '\\', 'acb-1').map((start) => start.padEnd(16, '.'));
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

  test('leaves values that other edits change to them', () => {
    const line = bytesOf('{"id":"s","params":{"sessionId":"s"}}');
    const own = [{ span: { start: 6, end: 9 }, bytes: bytesOf('1') }];
    const names = exchanged(line, { start: 0, end: line.length }, new Map([['s', 't']]));
    expect(textOf(splice(line, [...own, ...beside(names, own)]))).toBe('{"id":1,"params":{"sessionId":"t"}}');
  });
});

test('renamed applies its own edits and exchanges ids, and changes nothing else', () => {
  const line = bytesOf('{"id":"s","params":{"sessionId":"s"},"sessionId":"s"}');
  const names = new Map([['s', 't']]);
  const params = { start: 19, end: 36 };
  const own = [{ span: { start: 6, end: 9 }, bytes: bytesOf('1') }];
  expect(textOf(renamed(line, params, names, own))).toBe(
    '{"id":1,"params":{"sessionId":"t"},"sessionId":"s"}',
  );
  expect(textOf(renamed(line, { start: 0, end: line.length }, names, own))).toBe(
    '{"id":1,"params":{"sessionId":"t"},"sessionId":"t"}',
  );
  expect(renamed(line, undefined, names)).toEqual(line);
});

test('session ids are found by the names of their members, at any depth', () => {
  const line = bytesOf(
    '{"sessionId":"a","u":{"childSessionId" : "b\\u0063","x":[{"sessionId":3,"parent_sessionId":"d"}]},"t":"\\"sessionId\\":\\"e\\""}',
  );
  expect(sessionIdsIn(line, { start: 0, end: line.length })).toEqual(['a', 'bc', 'd']);
});

test('session ids are found after any number of capital letters', () => {
  for (let count = 0; count < 20; count += 1) {
    const text = `${'I'.repeat(count)} Id" essionId" I"`;
    const line = bytesOf(JSON.stringify({ text, sessionId: 'a', more: [text, { childSessionId: 'b' }] }));
    expect(sessionIdsIn(line, { start: 0, end: line.length })).toEqual(['a', 'b']);
  }
});
