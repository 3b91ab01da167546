import { expect, test } from 'vitest';
import type { EpochEvent } from '../../../../src/agent/agent-link.ts';
import { Lifecycle } from '../../../../src/acp/thread/state/lifecycle.ts';
import { BridgeError } from '../../../../src/base/errors.ts';
import { MemoryLink, noInput, unheard } from '../../memory-link.ts';

const found: EpochEvent = {
  epoch: 'e',
  origin: 'found',
  cwd: '/mnt/workspace',
  cause: undefined,
  notes: { agent: undefined, thread: undefined },
  keeping: 'kept',
  environment: 'found',
};

const lifecycle = (): { life: Lifecycle; link: MemoryLink } => {
  const link = new MemoryLink(noInput, unheard);
  return { life: new Lifecycle(link), link };
};

test('an agent is asked for only if there is none', () => {
  const { life, link } = lifecycle();
  life.wake();
  expect(link.isAttached).toBe(true);
  link.isAttached = false;
  life.begin(found);
  life.wake();
  life.ready(undefined);
  life.wake();
  expect([link.isAttached, link.restarts]).toEqual([false, []]);
});

test('an agent that ended is started again when it is asked for, and once', () => {
  const { life, link } = lifecycle();
  life.begin(found);
  life.exited();
  expect([life.is, link.restarts]).toEqual(['ended', []]);
  life.wake();
  expect(link.restarts.map(({ code }) => code)).toEqual(['agent-exited']);
  life.wake();
  expect(link.restarts).toHaveLength(1);
});

test('requests can be sent between an agent’s introduction and its end', () => {
  const { life, link } = lifecycle();
  expect([life.ready(undefined), life.agent, life.cwd]).toEqual([false, undefined, '/']);
  life.begin(found);
  expect([life.agent, life.cwd, life.isStartedHere]).toEqual([undefined, '/mnt/workspace', false]);
  const info = { protocolVersion: 1, canLoad: true, canResume: false, canList: false };
  expect(life.ready(info)).toBe(true);
  expect(life.agent).toEqual({ epoch: 'e', cwd: '/mnt/workspace', info });
  // It was introduced: there is nothing to wait for.
  expect(life.ready(undefined)).toBe(false);
  life.meet();
  expect(life.agent).toBeUndefined();
  life.ready(undefined);
  expect(life.agent?.info).toBeUndefined();
  const cause = new BridgeError('agent-exited', 'too slow');
  life.replace(cause);
  expect([life.is, life.agent, link.restarts]).toEqual(['ending', undefined, [cause]]);
  life.begin({ ...found, epoch: 'f', origin: 'started' });
  life.ready(undefined);
  expect([life.agent?.epoch, life.isStartedHere]).toEqual(['f', true]);
});

test('once the thread is over every request gets its error, and no agent is asked for', () => {
  const { life, link } = lifecycle();
  life.begin(found);
  life.ready(undefined);
  expect(life.error).toBeUndefined();
  const error = { code: -32603, message: 'no way' };
  life.giveUp(error);
  life.wake();
  expect([life.is, life.agent, life.error]).toEqual(['over', undefined, error]);
  expect([link.isAttached, link.restarts]).toEqual([false, []]);
});
