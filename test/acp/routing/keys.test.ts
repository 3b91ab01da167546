import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SessionKeys } from '../../../src/acp/routing/keys.ts';
import { isToldByPrompts } from '../../../src/acp/routing/thread-choice.ts';

describe('the thread of a session', () => {
  test('is in the name that the bridge gave it', () => {
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

  test('is the one that was said', () => {
    const keys = new SessionKeys({ is: 'sender-context' }, randomBytes);
    const name = keys.namingOf(keys.take()).clientIdOf('s');
    expect(keys.isBound(name)).toBe(false);
    keys.bind(name, 'discord:456');
    expect([keys.of(name), keys.isBound(name)]).toEqual(['discord:456', true]);
    expect(keys.namingOf('discord:456').clientIdOf('s')).toBe('s');
  });

  test('is the only one there is, where there is one, and the names are the agent’s', () => {
    const key = 'a'.repeat(26);
    const keys = new SessionKeys({ is: 'fixed', key }, randomBytes);
    expect([keys.first, keys.of('s')]).toEqual([key, key]);
    expect(keys.namingOf(key).clientIdOf('s')).toBe('s');
    expect(keys.namingOf(key).parse(`acb-${key}-s`)).toBeUndefined();
  });

  test('of a subagent is that of the agent that spoke of it last; those of long ago are forgotten', () => {
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
] as const)('with %s a client called %s tells its threads by its prompts: %s', (is, name, isSo) => {
  expect(isToldByPrompts({ is }, name)).toBe(isSo);
});
