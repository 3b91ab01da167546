import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type KnownSession,
  parseThreadNote,
  presentId,
  type ThreadNote,
} from '../../../../src/acp/thread/state/note.ts';
import { maxNoteBytes, pruned } from '../../../../src/acp/thread/state/note-bound.ts';
import { Sessions } from '../../../../src/acp/thread/state/sessions.ts';
import { verifies } from '../../../requirements.ts';

const naming = { clientIdOf: (agentId: string): string => `acb-${agentId}`, parse: () => undefined };
const bytesOf = (note: ThreadNote): number => Buffer.byteLength(JSON.stringify(note));
const filler = (bytes: number): string => JSON.stringify({ filler: 'é'.repeat(bytes / 2) });
const oldest = (note: ThreadNote, count: number): string[] =>
  Object.entries(note.sessions)
    .toSorted(([, a], [, b]) => (a.used ?? 0) - (b.used ?? 0))
    .slice(0, count)
    .map(([id]) => id);

describe('the note of a thread', () => {
  test(
    verifies(
      'host.notes',
      'stays within its bound, however many sessions a thread has, and drops the oldest first',
    ),
    () => {
      const sessions = new Sessions(naming);
      sessions.beginEpoch('first');
      const setup = { localCwd: '/home/me/project'.padEnd(500, 'x'), remoteCwd: undefined, rest: {} };
      let text = '';
      for (let n = 0; n < 600; n += 1) {
        const session = sessions.add(`acb-s${n}`, `s${n}`, setup);
        sessions.opened(session, `s${n}`, filler(n % 50 === 0 ? 16_000 : 100), '/mnt/workspace');
        sessions.close(session);
        text = sessions.noteToLeave();
        if (Buffer.byteLength(text) > maxNoteBytes) throw new Error(`${n}: the note is over its bound`);
      }
      const note = parseThreadNote(text) ?? { sessions: {} };
      const left = Object.keys(note.sessions);
      expect(left.length).toBeGreaterThan(100);
      expect(left).toEqual(Array.from({ length: left.length }, (_, n) => `s${600 - left.length + n}`));
      expect(note.current).toBe('s599');
      expect(note.sessions['s599']?.opened).toBeDefined();
      // Of one that is not in it nobody knows whether it was deleted.
      const later = new Sessions(naming);
      later.beginEpoch('second', note);
      expect(later.isRecorded).toBe(false);
    },
  );

  test('keeps the sessions that the agent holds, its turns and the current one, before all others', () => {
    const sessions: Record<string, KnownSession> = {};
    for (let n = 0; n < 2000; n += 1)
      sessions[`old${n}`] = { cwd: '/mnt/workspace'.padEnd(100, 'x'), epoch: 'old', used: 100 + n };
    for (let n = 0; n < 20; n += 1)
      sessions[`held${n}`] = { cwd: '/', epoch: 'now', used: n, opened: filler(1000) };
    sessions['at work'] = { cwd: '/', epoch: 'now', turn: 7, used: 1 };
    sessions['first'] = { cwd: '/', became: 'second' };
    sessions['second'] = { cwd: '/', became: 'third' };
    sessions['third'] = { cwd: '/' };
    const left = pruned({ sessions, current: 'first' }, 'now');
    expect(bytesOf(left)).toBeLessThanOrEqual(maxNoteBytes);
    for (const id of ['at work', 'first', 'second', 'third', 'held0', 'held19', 'old1999']) {
      expect(left.sessions[id]).toEqual(sessions[id]);
    }
    expect(left.sessions['old0']).toBeUndefined();
    expect(left.current).toBe('first');
  });

  test('knows which session was prompted last, also in a later bridge', () => {
    const first = new Sessions(naming);
    first.beginEpoch('e');
    const setup = { localCwd: undefined, remoteCwd: undefined, rest: {} };
    for (const id of ['2', '1', '3']) first.opened(first.add(`acb-${id}`, id, setup), id, '{}', '/');
    first.beginTurn('1', 7);
    expect(oldest(first.note, 3)).toEqual(['2', '3', '1']);
    const second = new Sessions(naming);
    second.beginEpoch('e', parseThreadNote(first.noteToLeave()));
    second.beginTurn('2', 8);
    expect(oldest(second.note, 3)).toEqual(['3', '1', '2']);
  });

  const chain = fc.record({
    length: fc.integer({ min: 1, max: 3 }),
    used: fc.option(fc.nat({ max: 50 }), { nil: undefined }),
    epoch: fc.constantFrom('now', 'old', undefined),
    turn: fc.option(fc.nat(), { nil: undefined }),
    opened: fc.constantFrom(0, 0, 500, 16_000),
    cwd: fc.constantFrom(1, 50, 300, 4000),
  });
  const note = fc
    .record({
      chains: fc.array(chain, { maxLength: 60 }),
      times: fc.constantFrom(1, 10),
      current: fc.nat(),
      giant: fc.boolean(),
    })
    .map(({ chains, times, current, giant }): ThreadNote => {
      const all = Array.from({ length: times }, () => chains).flat();
      const sessions = Object.fromEntries(
        all.flatMap(({ length, cwd, opened, ...rest }, n) =>
          Array.from({ length }, (_, step): [string, KnownSession] => [
            `${n}.${step}`,
            {
              cwd: '/'.padEnd(giant && n === 0 ? 200_000 : cwd, 'é'),
              ...(step < length - 1 ? { became: `${n}.${step + 1}` } : rest),
              ...(opened > 0 ? { opened: filler(opened) } : {}),
            },
          ]),
        ),
      );
      return { sessions, current: `${current % (all.length + 1)}.0` };
    });

  test(verifies('host.notes', 'of any sessions is within the bound, and the rest of it is unchanged'), () => {
    fc.assert(
      fc.property(note, (before) => {
        if (bytesOf(before) <= maxNoteBytes) return;
        const after = pruned(before, 'now');
        expect(bytesOf(after)).toBeLessThanOrEqual(maxNoteBytes);
        expect(parseThreadNote(JSON.stringify(after))).toEqual(JSON.parse(JSON.stringify(after)));
        for (const [id, session] of Object.entries(after.sessions)) {
          const { opened: _, ...bare } = before.sessions[id] ?? { cwd: '' };
          expect(session).toEqual(session.opened === undefined ? bare : before.sessions[id]);
        }
        // Whole chains: who knows a session by an old name is led to where it is.
        for (const id of Object.keys(before.sessions)) {
          const isLeft = Object.hasOwn(after.sessions, id);
          expect(Object.hasOwn(after.sessions, presentId(before, id))).toBe(isLeft);
          if (isLeft) expect(presentId(after, id)).toBe(presentId(before, id));
        }
        // None that could be spared is left where one that is needed more is not.
        const isHeld = ({ epoch }: KnownSession): boolean => epoch === 'now';
        const gone = Object.keys(before.sessions).filter((id) => !Object.hasOwn(after.sessions, id));
        const current = presentId(before, before.current ?? '');
        const isOneMissed = gone.some((id) => isHeld(before.sessions[presentId(before, id)] ?? { cwd: '' }));
        if (isOneMissed)
          for (const id of Object.keys(after.sessions)) {
            const last = presentId(after, id);
            expect(last === current || isHeld(after.sessions[last] ?? { cwd: '' })).toBe(true);
          }
        expect(after.isPruned).toBe(gone.length > 0 ? true : undefined);
      }),
      { numRuns: 150 },
    );
  });
});
