import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elements, members, type Span, stringAt } from '../../../src/acp/message/json-scanner.ts';
import { beside, exchanged, sessionIdsIn } from '../../../src/acp/message/session-text.ts';
import { splice, type Edit } from '../../../src/acp/message/splice.ts';
import { bytesOf, jsonText, parsed, textOf, whole } from './json-texts.ts';

/** Pieces of a line, each with what it is to become; undefined: it stays. */
const pieces = fc.array(
  fc.record({
    was: fc.uint8Array({ maxLength: 8 }),
    becomes: fc.option(fc.uint8Array({ maxLength: 8 }), { nil: undefined }),
  }),
  { maxLength: 12 },
);

/** Every scalar of the value at a span. */
function scalars(line: Uint8Array, span: Span): Span[] {
  const children = [...members(line, span).map(({ value }) => value), ...elements(line, span)];
  const isContainer = line[span.start] === 0x7b || line[span.start] === 0x5b;
  return isContainer ? children.flatMap((child) => scalars(line, child)) : [span];
}

describe('splicing', () => {
  test('replaces any pieces, and leaves every other byte unchanged', () => {
    fc.assert(
      fc.property(pieces, fc.infiniteStream(fc.nat()), (all, order) => {
        let at = 0;
        const edits: Edit[] = [];
        for (const { was, becomes } of all) {
          const span = { start: at, end: (at += was.length) };
          // Inserts at one place come in their order, so only they must not be shuffled.
          if (becomes !== undefined && was.length > 0) edits.push({ span, bytes: becomes });
        }
        const line = Buffer.concat(all.map(({ was }) => was));
        const expected = all.map(({ was, becomes }) => (was.length > 0 ? (becomes ?? was) : was));
        const shuffled = edits
          .map((edit) => ({ edit, rank: order.next().value as number }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ edit }) => edit);
        const before = Buffer.from(line);
        expect(Buffer.from(splice(line, shuffled))).toEqual(Buffer.concat(expected));
        expect(line).toEqual(before);
      }),
      { numRuns: 1500 },
    );
  });

  test('applies any edits as given or throws a RangeError', () => {
    const edit = fc.record({ start: fc.nat(12), end: fc.nat(12), bytes: fc.uint8Array({ maxLength: 3 }) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10 }), fc.array(edit, { maxLength: 4 }), (line, all) => {
        const edits = all.map(({ start, end, bytes }) => ({ span: { start, end }, bytes }));
        const inOrder = all.toSorted((a, b) => a.start - b.start || a.end - b.end);
        const isSound = inOrder.every(
          ({ start, end }, index) =>
            start <= end && end <= line.length && start >= (inOrder[index - 1]?.end ?? 0),
        );
        if (!isSound) expect(() => splice(line, edits)).toThrow(RangeError);
        else {
          const growth = all.reduce((sum, { start, end, bytes }) => sum + bytes.length - (end - start), 0);
          expect(splice(line, edits)).toHaveLength(line.length + growth);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('keeps any JSON valid when values are put in', () => {
    fc.assert(
      fc.property(jsonText, jsonText, fc.nat(), (text, other, mask) => {
        const line = bytesOf(text);
        const chosen = scalars(line, whole(line)).filter((_, index) => (mask >> (index % 31)) & 1);
        const spliced = splice(
          line,
          chosen.map((span) => ({ span, bytes: bytesOf(other) })),
        );
        expect(parsed(spliced)).not.toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

/** A string as a printer may write it that is fond of escapes. */
const written = (text: string, isEscaped: boolean): string =>
  isEscaped
    ? `"${text
        .split('')
        .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
        .join('')}"`
    : JSON.stringify(text);
const id = fc
  .tuple(
    fc.constantFrom('s', 'sess_1=', 'a/b', 'é"', ',', ':', '\\', 'acb-1', '😀', '\u2028', ''),
    fc.constantFrom(0, 16),
  )
  .map(([start, length]) => start.padEnd(length, '='));
const tellingName = fc.constantFrom(
  'sessionId',
  'childSessionId',
  'session_ids',
  'content',
  'prompt',
  'text',
);
const someText = fc.oneof(id, tellingName, fc.string({ unit: 'grapheme', maxLength: 5 }));
const stringText = fc.tuple(someText, fc.boolean()).map(([text, isEscaped]) => written(text, isEscaped));
const { value: valueText } = fc.letrec<Record<'value', string>>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    stringText,
    fc.constantFrom('1', 'null', '[]', '{}'),
    fc.array(tie('value'), { maxLength: 4 }).map((all) => `[${all.join(' ,')}]`),
    fc
      .array(fc.tuple(stringText, tie('value')), { maxLength: 4 })
      .map((all) => `{${all.map((pair) => pair.join(' :')).join(',')}}`),
  ),
}));

/** All strings of a value with keys, in the order in which they are written; doubled members included. */
function stringsOf(line: Uint8Array, span: Span): string[] {
  const text = stringAt(line, span);
  if (text !== undefined) return [text];
  return [
    ...members(line, span).flatMap(({ name, value }) => [name].concat(stringsOf(line, value))),
    ...elements(line, span).flatMap((element) => stringsOf(line, element)),
  ];
}

/** The same, each as the exchange of session ids leaves it. */
function stringsAfter(
  line: Uint8Array,
  span: Span,
  names: ReadonlyMap<string, string>,
  member = '',
): string[] {
  const isWritten = ['prompt', 'content', 'text', 'output', 'rawInput', 'rawOutput'].includes(member);
  if (isWritten) return stringsOf(line, span);
  const exchange = (text: string, isTold: boolean): string =>
    isTold || text.length >= 16 ? (names.get(text) ?? text) : text;
  const text = stringAt(line, span);
  if (text !== undefined) return [exchange(text, /session_?ids?$/i.test(member))];
  return [
    ...members(line, span).flatMap(({ name, value }) =>
      [exchange(name, false)].concat(stringsAfter(line, value, names, name)),
    ),
    ...elements(line, span).flatMap((element) => stringsAfter(line, element, names, member)),
  ];
}

describe('session ids', () => {
  test('are exchanged wherever they are, however they are written, and no other string is', () => {
    fc.assert(
      fc.property(valueText, fc.dictionary(id, someText, { maxKeys: 3 }), (text, names) => {
        const line = bytesOf(text);
        const map = new Map(Object.entries(names));
        const after = splice(line, exchanged(line, whole(line), map));
        expect(stringsOf(after, whole(after))).toEqual(stringsAfter(line, whole(line), map));
      }),
      { numRuns: 2000 },
    );
  });

  test('are exchanged back to the original', () => {
    fc.assert(
      fc.property(valueText, id, (text, agentId) => {
        const clientId = 'acb-aaaaaaaaaaaaaaaaaaaaaaaaaa';
        const line = bytesOf(text);
        const there = splice(line, exchanged(line, whole(line), new Map([[agentId, clientId]])));
        const back = splice(there, exchanged(there, whole(there), new Map([[clientId, agentId]])));
        expect(stringsOf(back, whole(back))).toEqual(stringsOf(line, whole(line)));
      }),
    );
  });

  test('are not exchanged within a value that another edit changes', () => {
    fc.assert(
      fc.property(valueText, fc.nat(), id, (text, where, agentId) => {
        const line = bytesOf(text);
        const all = scalars(line, whole(line));
        const span = all[where % Math.max(all.length, 1)] ?? whole(line);
        const own = [{ span, bytes: bytesOf('0') }];
        const names = exchanged(line, whole(line), new Map([[agentId, 'x']]));
        expect(() => textOf(splice(line, [...own, ...beside(names, own)]))).not.toThrow();
      }),
    );
  });

  test('are found under every name that ends in sessionId, and under no other', () => {
    const name = fc.constantFrom(
      'sessionId',
      'childSessionId',
      'parent_sessionId',
      'sessionIds',
      'Id',
      '"sessionId',
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('a', 'b', '"sessionId":"c"', 'sessionId', ':'),
        fc.integer(),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(name, tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    const idsOf = (each: unknown): string[] =>
      typeof each !== 'object' || each === null
        ? []
        : Object.entries(each).flatMap(([key, child]) => {
            const isId = !Array.isArray(each) && key.endsWith('essionId') && typeof child === 'string';
            return isId ? [child] : idsOf(child);
          });
    fc.assert(
      fc.property(value, (each) => {
        const line = bytesOf(JSON.stringify(each));
        const found = sessionIdsIn(line, { start: 0, end: line.length });
        expect(found).toEqual(idsOf(each));
      }),
      { numRuns: 1000 },
    );
  });
});
