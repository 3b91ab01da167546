import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  firstIds,
  parseThreadNote,
  presentId,
  type ThreadNote,
} from '../../../../src/acp/thread/state/note.ts';
import { Sessions } from '../../../../src/acp/thread/state/sessions.ts';
import { verifies } from '../../../requirements.ts';

const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString', '', 'é"\n');
const known = fc.record(
  {
    cwd: fc.string(),
    localCwd: fc.string(),
    epoch: fc.string(),
    turn: fc.nat(),
    became: name,
    opened: fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.stringify({ value })),
  },
  { requiredKeys: ['cwd'] },
);
const note: fc.Arbitrary<ThreadNote> = fc.record(
  {
    sessions: fc.array(fc.tuple(name, known), { maxLength: 6 }).map((all) => Object.fromEntries(all)),
    current: name,
  },
  { requiredKeys: ['sessions'] },
);
/** What a microVM may give back that means harm. */
const anything = fc.oneof(
  fc.string(),
  fc.json(),
  note.map((each) => JSON.stringify(each)),
  fc
    .tuple(note, fc.constantFrom('{', '}', '"', '\n', '1e999', 'null', '[]'), fc.nat())
    .map(([each, piece, where]) => {
      const text = JSON.stringify(each);
      const at = where % text.length;
      return text.slice(0, at) + piece + text.slice(at + 1);
    }),
);

const naming = { clientIdOf: (agentId: string): string => `acb-${agentId}`, parse: () => undefined };

/** The sessions that one leads to, itself excluded unless it is led back to. */
function walkedFrom({ sessions }: ThreadNote, id: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const next = (each: string): string | undefined =>
    Object.hasOwn(sessions, each) ? sessions[each]?.became : undefined;
  for (let each = next(id); each !== undefined && !seen.has(each); each = next(each)) seen.add(each);
  return seen;
}

describe('any note', () => {
  test(verifies('host.notes', 'that a bridge leaves is read unchanged'), () => {
    fc.assert(
      fc.property(note, (each) => {
        // But for a session of the one name that zod spares every object.
        const { __proto__: _, ...sessions } = each.sessions;
        expect(parseThreadNote(JSON.stringify(each))).toEqual({ ...each, sessions });
      }),
      { numRuns: 1000 },
    );
  });

  test('leads from each session to one that was not replaced, without circles', () => {
    fc.assert(
      fc.property(note, name, (each, id) => {
        const present = presentId(each, id);
        const next = Object.hasOwn(each.sessions, present) ? each.sessions[present]?.became : undefined;
        // In a circle there is no last one.
        if (next !== undefined) expect(walkedFrom(each, present)).toContain(present);
        expect(firstIds(each)(id)).toBeTypeOf('string');
        expect(present).toBeTypeOf('string');
      }),
      { numRuns: 1000 },
    );
  });

  test('that a microVM returns is read without an exception, and gives every session one id', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 3 }), name, (texts, id) => {
        const sessions = new Sessions(naming);
        for (const text of texts) sessions.recall(parseThreadNote(text));
        for (const session of sessions.all()) {
          expect(session.agentId).toBeTypeOf('string');
          if (session.clientId !== session.agentId) {
            expect(sessions.toAgent.get(session.clientId)).toBe(session.agentId);
          }
        }
        const clientIds = sessions.all().map(({ clientId }) => clientId);
        expect(new Set(clientIds).size).toBe(clientIds.length);
        // A name that stands in no note is known of nothing.
        const isNamed = Object.hasOwn(sessions.note.sessions, id);
        expect(sessions.knows(id)).toBe(isNamed || sessions.withAgentId(id) !== undefined);
        sessions.update(id, { turn: 1 });
        expect(Object.hasOwn(sessions.note.sessions, id)).toBe(isNamed);
      }),
      { numRuns: 1000 },
    );
  });

  test('has an opening’s answer only if that is one JSON object on one line', () => {
    const opened = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom(
        '{},"id":7',
        '{}}\n{"jsonrpc":"2.0"}',
        '{\n"a":1}',
        '{"a":1}\r',
        '{"a":"\\n"}',
        '7',
        '[]',
      ),
    );
    fc.assert(
      fc.property(opened, (text) => {
        const read = parseThreadNote(JSON.stringify({ sessions: { a: { cwd: '/', opened: text } } }));
        const told = read?.sessions['a']?.opened;
        if (told === undefined) return;
        expect(told).toBe(text);
        expect(told).not.toMatch(/[\n\r]/);
        expect(JSON.parse(told)).toBeInstanceOf(Object);
      }),
      { numRuns: 1000 },
    );
  });
});

test('with many sessions takes time in proportion to its size, not to the square of it', () => {
  const msOf = (count: number): number => {
    const all = Array.from({ length: count }, (_, index) => [`s${index}`, { cwd: '' }] as const);
    const note = { sessions: Object.fromEntries(all) };
    const times = [1, 2, 3].map(() => {
      const sessions = new Sessions(naming);
      const since = performance.now();
      sessions.recall(note);
      expect(sessions.all()).toHaveLength(count);
      return performance.now() - since;
    });
    return Math.min(...times);
  };
  msOf(500);
  // What the host's longest line can hold is some 25,000.
  expect(msOf(20_000) / msOf(500)).toBeLessThan((20_000 / 500) * 10);
});
