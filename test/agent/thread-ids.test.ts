import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { threadIds } from '../../src/agent/thread-ids.ts';

describe('the ids of a thread', () => {
  test('have the form that the service takes, whatever the key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        const { runtimeSessionId, shellId } = threadIds(key);
        expect(runtimeSessionId).toMatch(/^[A-Za-z][\w-]{32,99}$/);
        expect(shellId).toMatch(/^[A-Za-z][\w-]{32,99}$/);
        expect(runtimeSessionId).not.toBe(shellId);
      }),
    );
  });

  test('never change', () => {
    expect(threadIds('discord/456')).toEqual({
      runtimeSessionId: 'acb-c3abf4f27c67cdc8606c1c4396f20de882f5ce5c7d3fe4a7c422f09377723517',
      shellId: 'acb-2b558730d760aa3ea3262706f65ea2bf5048295b8af7391f1af05aa06e5c381a',
    });
  });

  test('differ if the keys differ', () => {
    expect(threadIds('a').runtimeSessionId).not.toBe(threadIds('b').runtimeSessionId);
    expect(threadIds('a').shellId).not.toBe(threadIds('b').shellId);
  });
});
