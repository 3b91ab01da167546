import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  firstIds,
  parseThreadNote,
  presentId,
  type ThreadNote,
} from '../../../../src/acp/thread/state/note.ts';

describe('a note that is found in a microVM', () => {
  test('is read as it was left', () => {
    const note: ThreadNote = {
      sessions: {
        a: { cwd: '/mnt', became: 'b' },
        b: { cwd: '/mnt', localCwd: '/home/me', epoch: 'e', turn: 7, opened: '{}' },
      },
      current: 'b',
    };
    expect(parseThreadNote(JSON.stringify(note))).toEqual(note);
  });

  test.each([
    undefined,
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"sessions":[]}',
    '{"sessions":{"a":{}}}',
    '{"sessions":{"a":{"cwd":1}}}',
  ])('is ignored if it is not one of ours: %s', (text) => {
    expect(parseThreadNote(text)).toBeUndefined();
  });

  test('never causes an exception, whatever it says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseThreadNote(text)).not.toThrow();
      }),
    );
  });
});

describe('a session that others replaced', () => {
  const note: ThreadNote = {
    sessions: {
      a: { cwd: '/', became: 'b' },
      b: { cwd: '/', became: 'c' },
      c: { cwd: '/' },
      other: { cwd: '/' },
    },
  };

  test('is found by each of its ids', () => {
    for (const id of ['a', 'b', 'c']) expect(presentId(note, id)).toBe('c');
    for (const id of ['a', 'b', 'c']) expect(firstIds(note)(id)).toBe('a');
    for (const id of ['other', 'unknown'])
      expect([presentId(note, id), firstIds(note)(id)]).toEqual([id, id]);
  });

  test('does not lead in circles', () => {
    const circle: ThreadNote = { sessions: { a: { cwd: '/', became: 'b' }, b: { cwd: '/', became: 'a' } } };
    expect(['a', 'b']).toContain(presentId(circle, 'a'));
    expect(['a', 'b']).toContain(firstIds(circle)('a'));
  });
});
