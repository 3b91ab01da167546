import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  elements,
  endOfValue,
  memberOf,
  members,
  none,
  type Span,
  stringAt,
} from '../../../src/acp/message/json-scanner.ts';
import { readEnvelope } from '../../../src/acp/message/envelope.ts';
import { readHead, readMessage } from '../../../src/acp/message/message.ts';
import { bytesOf, jsonText, parsed, parsedAt, textAt, whole } from './json-texts.ts';

/** The value at a span, put together from nothing but what the scanner finds. */
function walked(line: Uint8Array, span: Span): unknown {
  const first = String.fromCharCode(line[span.start] ?? 0);
  if (first === '{') {
    // `fromEntries` defines members, as `JSON.parse` does, so that __proto__ is one like the others.
    return Object.fromEntries(members(line, span).map(({ name, value }) => [name, walked(line, value)]));
  }
  if (first === '[') return elements(line, span).map((element) => walked(line, element));
  return first === '"' ? stringAt(line, span) : parsedAt(line, span);
}

/** What JSON-RPC 2.0 says of a parsed line, found without the scanner. */
function sorted(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'invalid';
  const own = (name: string): unknown =>
    Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  const [id, method] = [own('id'), own('method')];
  const isId = id === null || typeof id === 'string' || typeof id === 'number';
  if (typeof method === 'string') return id === undefined ? 'notification' : isId ? 'request' : 'invalid';
  if (method !== undefined || (own('result') === undefined && own('error') === undefined)) return 'invalid';
  if (id === undefined || id === null) return 'orphan';
  return isId ? 'response' : 'invalid';
}

const member = fc.oneof(
  fc.tuple(
    fc.constant('id'),
    fc.constantFrom('1', '-0', '1e400', '01', '1.', '+1', '"a"', '"\\ud800"', 'null', 'true', '{}'),
  ),
  fc.tuple(fc.constant('method'), fc.constantFrom('"m"', '"\\u006d"', '""', '1', 'null', '{}')),
  fc.tuple(fc.constantFrom('params', 'result', 'error', 'jsonrpc'), jsonText),
);
const message = fc
  .array(member, { maxLength: 6 })
  .map((all) => `{${all.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`);

/** Texts that a scanner could be overcome by: deep, long, many, escaped. */
const monster = fc.oneof(
  fc.tuple(fc.constantFrom('[', '{"a":', '[[],{"id":'), fc.constantFrom(']', '}', ']}')).map(
    // Closed as it was opened, or not.
    ([open, close]) => `${open.repeat(100_000)}1${close.repeat(100_000)}`,
  ),
  fc.constantFrom('1', '-9', '0.').map((digits) => `{"id":${digits}${'7'.repeat(100_000)}}`),
  fc
    .constantFrom('\\\\', '\\"', '\\ud83d\\ude00', '\\udead', '\\/')
    .map((escape) => `{"method":"${escape.repeat(50_000)}"}`),
  fc.constantFrom('"id":1', '"params":{"id":2}').map((text) => `{${Array(20_000).fill(text).join(',')}}`),
  fc.constantFrom(' ', '\t', '\r\n').map((space) => `${space.repeat(100_000)}{}${space.repeat(100_000)}`),
);

describe('any JSON text', () => {
  test('is scanned to the same value that JSON.parse gives', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        const line = bytesOf(text.trim());
        expect(walked(line, whole(line))).toEqual(parsed(line));
      }),
      { numRuns: 1500 },
    );
  });

  test('is found whole among other bytes, which are not read', () => {
    fc.assert(
      fc.property(jsonText, fc.uint8Array(), fc.uint8Array(), (text, before, behind) => {
        const value = bytesOf(text.trim());
        // What begins as a number may go on in what is behind it.
        const end = [...before, ...value, 0x20].length;
        const line = Uint8Array.from([...before, ...value, 0x20, ...behind]);
        expect(endOfValue(line, before.length)).toBe(end - 1);
      }),
    );
  });

  test('is not complete before its end', () => {
    fc.assert(
      fc.property(jsonText, fc.nat(), (text, where) => {
        const value = bytesOf(text.trim());
        fc.pre('{["'.includes(text.trim().charAt(0)));
        const cut = value.subarray(0, where % value.length);
        expect(endOfValue(cut, 0)).toBe(none);
        expect(readEnvelope(cut).is).toBe('not-json');
      }),
    );
  });

  test('is read as by JSON.parse if it is deep, long or full of escapes', () => {
    fc.assert(
      fc.property(monster, (text) => {
        const line = bytesOf(text);
        const message = readMessage(line);
        // V8's own parser has no depth limit either.
        expect(readEnvelope(line).is === 'not-json').toBe(parsed(line) === undefined);
        expect(message.is).toBe(sorted(parsed(line)));
      }),
      { numRuns: 12 },
    );
  });
});

describe('any line', () => {
  test('is classified as JSON-RPC says', () => {
    fc.assert(
      fc.property(fc.oneof(message, jsonText), (text) => {
        const line = bytesOf(text);
        const value = parsed(line) as Record<string, unknown>;
        const read = readMessage(line);
        expect(read.is).toBe(sorted(value));
        if (read.is === 'request') expect(parsedAt(line, read.id)).toEqual(value['id']);
        if (read.is === 'request' || read.is === 'notification') {
          expect(read.method).toBe(value['method']);
          expect(read.params && parsedAt(line, read.params)).toEqual(value['params']);
        }
        if (read.is === 'response') {
          expect(parsedAt(line, read.value)).toEqual(value[read.outcome]);
          expect(read.outcome).toBe(Object.hasOwn(value, 'error') ? 'error' : 'result');
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('of any bytes is read without an exception, and all spans are within it', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // A message with any bytes put in: cut characters, encoded surrogates, control characters.
      fc.tuple(message, fc.nat(), fc.uint8Array({ maxLength: 6 })).map(([text, where, noise]) => {
        const line = [...bytesOf(text)];
        line.splice(where % (line.length + 1), noise.length >> 1, ...noise);
        return Uint8Array.from(line);
      }),
    );
    fc.assert(
      fc.property(bytes, (line) => {
        const envelope = readEnvelope(line);
        expect(envelope.is === 'not-json').toBe(parsed(line) === undefined);
        for (const { start, end } of Object.values(envelope.members)) {
          expect(start < end && end <= line.length).toBe(true);
        }
        const read = readMessage(line);
        const { id } = read.is === 'invalid' ? read : readHead(line);
        // What is answered under an id is one JSON value.
        if (id !== undefined && parsed(line) !== undefined)
          expect(parsedAt(line, id)).not.toBeInstanceOf(Object);
      }),
      { numRuns: 3000 },
    );
  });

  test('that is cut off gives the id of the whole line, or none', () => {
    fc.assert(
      fc.property(message, fc.nat(), (text, where) => {
        const line = bytesOf(text);
        const whole = readEnvelope(line);
        const { id, looksLike } = readHead(line.subarray(0, where % (line.length + 1)));
        // A doubled id counts as far as it was seen.
        const isDoubled = [...text.matchAll(/"id":/g)].length > 1;
        if (id !== undefined && !isDoubled && whole.members.id !== undefined) {
          expect(textAt(line, id)).toBe(textAt(line, whole.members.id));
        }
        if (looksLike === 'call')
          expect(memberOf(line, { start: 0, end: line.length }, 'method')).toBeDefined();
      }),
      { numRuns: 1500 },
    );
  });
});
