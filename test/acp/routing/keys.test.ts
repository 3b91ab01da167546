import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SessionKeys } from '../../../src/acp/routing/keys.ts';
import { isToldByPrompts } from '../../../src/acp/routing/thread-choice.ts';

describe('the thread of a session', () => {
  test('is read from the id that the bridge made', () => {
    const keys = new SessionKeys({ is: 'session' }, randomBytes);
    const [first, second] = [keys.take(), keys.take()];
    expect(first).toBe(keys.first);
    expect(second).not.toBe(first);
    const name = keys.namingOf(second).clientIdOf('s');
    expect(keys.of(name)).toBe(second);
    expect(keys.namingOf(second).parse(name)).toEqual({ agentId: 's' });
    // In another thread that agent's id means nothing.
    expect(keys.namingOf(first).parse(name)).toEqual({ agentId: undefined });
    expect(keys.of('s')).toBeUndefined();
  });

  test('is the one that the session was bound to', () => {
    const keys = new SessionKeys({ is: 'sender-context' }, randomBytes);
    const name = keys.namingOf(keys.take()).clientIdOf('s');
    expect(keys.isBound(name)).toBe(false);
    keys.bind(name, 'discord:456');
    expect([keys.of(name), keys.isBound(name)]).toEqual(['discord:456', true]);
    expect(keys.namingOf('discord:456').clientIdOf('s')).toBe('s');
  });

  test('is the only one with --thread, and the ids are the agent’s', () => {
    const key = 'a'.repeat(26);
    const keys = new SessionKeys({ is: 'fixed', key }, randomBytes);
    expect([keys.first, keys.of('s')]).toEqual([key, key]);
    expect(keys.namingOf(key).clientIdOf('s')).toBe('s');
    expect(keys.namingOf(key).parse(`acb-${key}-s`)).toBeUndefined();
  });

  test('of a subagent’s id is that of the agent that used it last; old ids are forgotten', () => {
    const keys = new SessionKeys({ is: 'session' }, randomBytes);
    keys.meetStranger('first', 'one');
    keys.meetStranger('child', 'one');
    keys.meetStranger('child', 'two');
    expect(keys.ofStranger('child')).toBe('two');
    for (let n = 0; n < 9_999; n += 1) keys.meetStranger(String(n), 'three');
    expect([keys.ofStranger('first'), keys.ofStranger('child')]).toEqual([undefined, 'two']);
  });
});

test.each([
  ['auto', 'openab', true],
  ['auto', 'OpenAB Discord', true],
  ['auto', 'zed', false],
  ['sender-context', 'zed', true],
  ['session', 'openab', false],
] as const)('with %s, whether the prompts of a client called %s name their threads: %s', (is, name, isSo) => {
  expect(isToldByPrompts({ is }, name)).toBe(isSo);
});
