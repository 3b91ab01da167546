import * as fc from 'fast-check';
import type { Span } from '../../../src/acp/message/json-scanner.ts';

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (line: Uint8Array): string => new TextDecoder().decode(line);
export const textAt = (line: Uint8Array, { start, end }: Span): string => textOf(line.subarray(start, end));
export const parsedAt = (line: Uint8Array, span: Span): unknown => JSON.parse(textAt(line, span));
/** The value that a line begins with spaces before, and none behind. */
export const whole = (line: Uint8Array): Span => ({
  start: line.findIndex((byte) => byte > 0x20),
  end: line.length,
});

/** What `JSON.parse` makes of the bytes; undefined if it refuses them. */
export function parsed(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line));
  } catch {
    return undefined;
  }
}

// JSON as peers may print it: any space, any escapes, any form of number, doubled keys.
const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 2 });
const unicodeEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
const printString = (text: string, isEscaped: boolean): string =>
  isEscaped ? `"${text.split('').map(unicodeEscape).join('')}"` : JSON.stringify(text);
const someText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '{', ']', '\u0007', 'é', '\ud800') }),
);
export const stringText = fc
  .tuple(someText, fc.boolean())
  .map(([text, isEscaped]) => printString(text, isEscaped));
const keyName = fc.constantFrom('id', 'method', 'params', 'result', 'error', 'i', '', 'é', '"', '__proto__');
const keyText = fc.tuple(keyName, fc.boolean()).map(([text, isEscaped]) => printString(text, isEscaped));
const scalarText = fc.oneof(
  stringText,
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1.0',
    '1e9',
    '2E-3',
    '9007199254740993',
    '1e999',
    '0.10e+01',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
);
const spaced = (text: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(space, text, space).map((parts) => parts.join(''));
export const {
  value: jsonText,
  object: objectText,
  array: arrayText,
} = fc.letrec<Record<'value' | 'object' | 'array', string>>((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, spaced(scalarText), tie('array'), tie('object')),
  array: spaced(fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`)),
  object: spaced(
    fc
      .array(fc.tuple(spaced(keyText), tie('value')), { maxLength: 5 })
      .map((pairs) => `{${pairs.map((pair) => pair.join(':')).join(',')}}`),
  ),
}));
