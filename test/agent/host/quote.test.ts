import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quote } from '../../../src/agent/host/quote.ts';
import { verifies } from '../../requirements.ts';

/** What bash makes of words that are written behind `printf`. */
function readBack(words: readonly string[]): string[] {
  const script = `printf '%s\\0' ${words.join(' ')}`;
  const printed = execFileSync('/bin/bash', ['--norc', '-c', script], { encoding: 'utf8' });
  return printed.split('\0').slice(0, -1);
}

const text = fc.string({ unit: 'binary', maxLength: 200 }).map((each) => each.replaceAll('\0', ''));
const hostile = [
  '',
  "'",
  "'; touch /tmp/owned; '",
  '$(id)`id`${HOME}',
  '\\',
  "\\'",
  '!!',
  '#',
  '~',
  '-n',
  '*',
  'a\nb\r\tc',
  '\u000123',
  '\u0003\u0004\u0015\u001a\u001b[A\u001e\u007f',
  '1234',
  'é日本🙂',
];

describe('a quoted text', () => {
  test(verifies('host.hostile-values', 'is the same text to bash, as one word, whatever it holds'), () => {
    expect(readBack(hostile.map(quote))).toEqual(hostile);
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), (texts) => {
        expect(readBack(texts.map(quote))).toEqual(texts);
      }),
      { numRuns: 60 },
    );
  });

  test(verifies('host.hostile-values', 'is printable ASCII on one line, without an exclamation mark'), () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(quote(each)).toMatch(/^[\x20\x22-\x7e]*$/);
      }),
    );
  });

  test('cannot hold a NUL', () => {
    expect(() => quote('a\0b')).toThrow(RangeError);
  });
});
