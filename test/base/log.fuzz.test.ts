import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLog, type LogFormat, logFormats, printable } from '../../src/base/log.ts';

/** What a terminal acts on: C0 and C1 controls, and DEL. */
const control = /[\u0000-\u001f\u007f-\u009f]/;
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\u001b', '[', '2J', '\u009b', '\n', '\r', '\u0007', '\u007f', 'a', '"'),
  }),
);

/** What a log of that format writes of one entry. */
function written(format: LogFormat, message: string, fields: Record<string, string>): string {
  let all = '';
  const log = createLog({ level: 'debug', format, write: (line) => (all += line), now: () => 0 });
  log.warn(message, fields);
  return all;
}

describe('any text', () => {
  test('made printable has no control characters, and is unchanged otherwise', () => {
    fc.assert(
      fc.property(text, (each) => {
        expect(printable(each)).not.toMatch(control);
        const isClean = !control.test(each);
        if (isClean) expect(printable(each)).toBe(each);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(logFormats)('makes one line of a %s log, which a terminal can show', (format) => {
    fc.assert(
      fc.property(text, text, (message, value) => {
        const line = written(format, message, { value });
        expect(line.endsWith('\n')).toBe(true);
        expect(line.slice(0, -1)).not.toMatch(control);
      }),
      { numRuns: 2000 },
    );
  });

  test('is unchanged in a JSON log', () => {
    fc.assert(
      fc.property(text, text, (message, value) => {
        expect(JSON.parse(written('json', message, { value }))).toMatchObject({ message, value });
      }),
    );
  });
});
