import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bareSetup } from '../../../src/acp/thread/state/session-setup.ts';
import { Sessions } from '../../../src/acp/thread/state/sessions.ts';
import { Turns } from '../../../src/acp/thread/state/turns.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import { verifies } from '../../requirements.ts';
import { canAll, Stage, textsOf, update } from '../agents-stage.ts';
import type { RoutedOptions } from '../routed.ts';

const policy = (options: object): RoutedOptions => ({
  policy: {
    cancel: { strategy: 'stop', graceMs: 10_000 },
    idleDetachMs: 300_000,
    progress: true,
    ...options,
  },
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A client in the middle of a turn. */
async function inTurn(options: RoutedOptions): Promise<{ stage: Stage; session: string; prompt: number }> {
  const stage = new Stage(options);
  stage.initialized();
  const session = await stage.opened(0);
  stage.ask('session/prompt', { sessionId: session, prompt: [] });
  const prompt = stage.request(0).id;
  await stage.told();
  return { stage, session, prompt };
}
const cancel = (stage: Stage, sessionId: string): void =>
  stage.it.ask(JSON.stringify({ method: 'session/cancel', params: { sessionId } }));

describe('a turn that is cancelled', () => {
  test(
    verifies('acp.cancel-strategy', 'ends when the agent says so, and the next prompt waits for that'),
    async () => {
      const { stage, session, prompt } = await inTurn(policy({}));
      cancel(stage, session);
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      expect(stage.heard(0)).toMatchObject([{ method: 'session/cancel', params: { sessionId: 's' } }]);
      stage.say(0, { id: prompt, result: { stopReason: 'cancelled' } });
      expect(stage.request(0).method).toBe('session/prompt');
      expect(await stage.told()).toMatchObject([{ result: { stopReason: 'cancelled' } }]);
      vi.advanceTimersByTime(60_000);
      expect(stage.link(0).restarts).toEqual([]);
    },
  );

  test(
    verifies('acp.cancel-strategy', 'ends the agent, if that does not end the turn within the grace'),
    async () => {
      const { stage, session, prompt } = await inTurn(policy({}));
      cancel(stage, session);
      stage.heard(0);
      vi.advanceTimersByTime(9999);
      expect(await stage.told()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(await stage.told()).toMatchObject([{ id: 3, result: { stopReason: 'cancelled' } }]);
      expect(stage.link(0).restarts).toHaveLength(1);
      // What the agent still says is nobody's.
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      stage.say(0, update('s', 'late'));
      stage.say(0, { id: prompt, result: { stopReason: 'end_turn' } });
      expect(await stage.told()).toEqual([]);
      expect(stage.heard(0)).toEqual([]);
      stage.link(0).begin();
      stage.answer(0, { agentCapabilities: canAll });
      expect(stage.answer(0, {}).method).toBe('session/resume');
      expect(stage.request(0).method).toBe('session/prompt');
    },
  );

  test.each([
    ['forward', 1],
    ['noop', 0],
  ] as const)('with the strategy %s is passed to the agent, or not', async (strategy, times) => {
    const { stage, session } = await inTurn(policy({ cancel: { strategy, graceMs: 10 } }));
    cancel(stage, session);
    expect(stage.heard(0)).toHaveLength(times);
    vi.advanceTimersByTime(60_000);
    expect(stage.link(0).restarts).toEqual([]);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    expect(stage.request(0).method).toBe('session/prompt');
  });
});

describe('a cancel', () => {
  test(verifies('acp.idle', 'of a prompt that was never sent leaves no turn open'), async () => {
    const stage = new Stage(policy({}));
    stage.initialized();
    const session = await stage.opened(0);
    const link = stage.link(0);
    link.isStalled = true;
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    expect(link.isAtRest).toBe(false);
    cancel(stage, session);
    expect(link.isAtRest).toBe(true);
    expect(JSON.parse(link.notes.thread ?? '')).not.toHaveProperty('sessions.s.turn');
    link.deliver();
    expect(stage.heard(0)).toEqual([]);
  });

  test('starts no agent if the last one has ended', async () => {
    const { stage, session } = await inTurn(policy({}));
    stage.link(0).exit(1);
    stage.link(0).isAttached = false;
    cancel(stage, session);
    expect(stage.link(0).isAttached).toBe(false);
  });
});

describe('the end of a turn', () => {
  /** One session in the middle of a turn, whose prompt has the number 7. */
  function inTurnOf(version: number): {
    turns: Turns;
    sessions: Sessions;
    ended: string[];
    changes: () => number;
  } {
    const sessions = new Sessions({ clientIdOf: (agentId) => agentId, parse: () => undefined });
    const session = sessions.add('client’s', 'agent’s', bareSetup);
    sessions.beginEpoch('e');
    sessions.opened(session, 'agent’s', '{}', '/');
    const ended: string[] = [];
    let changes = 0;
    const turns = new Turns({
      sessions,
      protocolVersion: () => version,
      onChange: () => (changes += 1),
      onEnded: (sessionId) => ended.push(sessionId),
    });
    expect(turns.isOneOpen).toBe(false);
    turns.began(session, 7);
    expect([turns.isOneOpen, changes]).toEqual([true, 1]);
    return { turns, sessions, ended, changes: () => changes };
  }

  test('is the answer to its prompt, and not that to another one', () => {
    const { turns, ended, changes } = inTurnOf(1);
    turns.settled(6);
    expect(turns.isOneOpen).toBe(true);
    turns.answered('client’s', 7);
    turns.settled(7);
    expect([turns.isOneOpen, ended, changes()]).toEqual([false, ['client’s'], 2]);
  });

  test('is from protocol version 2 on a state update of the agent', () => {
    const { turns, ended } = inTurnOf(2);
    turns.answered('client’s', 7);
    turns.onState('agent’s', 'running');
    expect([turns.isOneOpen, ended]).toEqual([true, []]);
    turns.onState('agent’s', 'idle');
    expect([turns.isOneOpen, ended]).toEqual([false, ['client’s']]);
  });

  test('is the failure of its prompt, with either version', () => {
    const { turns, ended } = inTurnOf(2);
    turns.ended('client’s', 7);
    expect([turns.isOneOpen, ended]).toEqual([false, ['client’s']]);
  });

  test('is the end of its agent', () => {
    const { turns, sessions, ended } = inTurnOf(1);
    sessions.beginEpoch('f');
    expect([turns.isOneOpen, ended]).toEqual([false, []]);
  });
});

describe('with nothing open', () => {
  test(verifies('acp.idle', 'the shell is let go of after a while, and the agent is at rest'), async () => {
    const { stage, session, prompt } = await inTurn(policy({}));
    const link = stage.link(0);
    vi.advanceTimersByTime(600_000);
    expect([link.lettings, link.isAtRest]).toEqual([0, false]);
    stage.say(0, { id: 7, method: 'session/request_permission', params: { sessionId: 's' } });
    stage.say(0, { id: prompt, result: { stopReason: 'end_turn' } });
    await stage.told();
    vi.advanceTimersByTime(600_000);
    expect([link.lettings, link.isAtRest]).toEqual([0, false]);
    stage.it.ask('{"id":0,"result":{}}');
    expect(link.isAtRest).toBe(true);
    vi.advanceTimersByTime(299_999);
    expect(link.lettings).toBe(0);
    vi.advanceTimersByTime(1);
    expect(link.lettings).toBe(1);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    expect(link.isAtRest).toBe(false);
  });

  describe('but a turn that an earlier bridge began', () => {
    const minutes = 60_000;

    /** A client that finds an agent at a turn whose prompt has the number 7. */
    function found(): Stage {
      const stage = new Stage(policy({}));
      stage.ask('initialize', { protocolVersion: 1 });
      const thread = { sessions: { s: { cwd: '/mnt/workspace', epoch: 'e', turn: 7 } }, current: 's' };
      const agent = JSON.stringify({ protocolVersion: 1, agentCapabilities: canAll });
      stage.link(0).begin({ epoch: 'e', origin: 'found', notes: { agent, thread: JSON.stringify(thread) } });
      return stage;
    }

    test(verifies('acp.idle', 'the shell is held until the agent has been silent for half an hour'), () => {
      const stage = found();
      const link = stage.link(0);
      vi.advanceTimersByTime(29 * minutes);
      stage.say(0, update('s', 'still at it'));
      vi.advanceTimersByTime(29 * minutes);
      expect([link.lettings, link.isAtRest]).toEqual([0, false]);
      vi.advanceTimersByTime(minutes);
      expect(link.lettings).toBe(1);
    });

    test(verifies('acp.idle', 'the shell is let go of after a while when the turn has ended'), () => {
      const stage = found();
      const link = stage.link(0);
      vi.advanceTimersByTime(6 * minutes);
      stage.say(0, { id: 7, result: { stopReason: 'end_turn' } });
      expect([link.lettings, link.isAtRest]).toEqual([0, true]);
      vi.advanceTimersByTime(5 * minutes);
      expect(link.lettings).toBe(1);
    });
  });

  test('an agent whose turns outlive their answers is not at rest before it says so', async () => {
    const stage = new Stage(policy({}));
    stage.ask('initialize', { protocolVersion: 2 });
    stage.link(0).begin();
    stage.answer(0, { protocolVersion: 2, capabilities: { session: {} } });
    const session = await stage.opened(0);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    stage.answer(0, {});
    vi.advanceTimersByTime(600_000);
    expect([stage.link(0).lettings, stage.link(0).isAtRest]).toEqual([0, false]);
    const state = (state: string): void =>
      stage.say(0, {
        method: 'session/update',
        params: { sessionId: 's', update: { sessionUpdate: 'state_update', state } },
      });
    state('running');
    expect(stage.link(0).isAtRest).toBe(false);
    state('idle');
    expect(stage.link(0).isAtRest).toBe(true);
  });
});

describe('a user who waits for a microVM', () => {
  const noProgress = { _meta: { 'agentcore-bridge/progress': false } };

  /** Prompts a session of an earlier process, and waits. */
  async function waiting(options: RoutedOptions, initialize: object, ms: number): Promise<unknown[]> {
    const stage = new Stage({ threads: { is: 'auto' }, ...options });
    stage.ask('initialize', { protocolVersion: 1, ...initialize });
    stage.link(0).begin();
    stage.answer(0, { agentCapabilities: canAll });
    stage.ask('session/prompt', { sessionId: `acb-${'a'.repeat(26)}-s`, prompt: [] });
    await stage.told();
    vi.advanceTimersByTime(ms);
    const told = await stage.told();
    expect(told.every(({ params }) => params?.['sessionId'] === `acb-${'a'.repeat(26)}-s`)).toBe(true);
    return textsOf(told);
  }

  test(verifies('acp.progress', 'is told so after 3 s, once'), async () => {
    expect(await waiting(policy({}), {}, 2999)).toEqual([]);
    expect(await waiting(policy({}), {}, 60_000)).toEqual([expect.stringContaining('starting')]);
  });

  /** What the client is shown within a minute of a prompt that goes to an agent only after `ms`. */
  async function broughtBack(ms: number): Promise<unknown[]> {
    const stage = new Stage();
    stage.initialized();
    const session = await stage.opened(0);
    stage.link(0).begin({ cause: new BridgeError('agent-lost', 'gone') });
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    vi.advanceTimersByTime(ms / 2);
    stage.answer(0, { protocolVersion: 1, agentCapabilities: canAll });
    vi.advanceTimersByTime(ms / 2);
    stage.answer(0, {});
    expect(stage.request(0).method).toBe('session/prompt');
    vi.advanceTimersByTime(60_000);
    return textsOf(await stage.told());
  }

  test('is told so also while the agent is introduced and the conversation opened, once', async () => {
    expect(await broughtBack(2998)).toEqual([]);
    expect(await broughtBack(3002)).toEqual([expect.stringContaining('starting')]);
    expect(await broughtBack(20_000)).toEqual([expect.stringContaining('starting')]);
  });

  /** What the client is shown of a prompt that finds the shell let go of, and is in it again after `ms`. */
  async function cameBack(ms: number): Promise<unknown[]> {
    const { stage, session, prompt } = await inTurn(policy({}));
    const link = stage.link(0);
    stage.say(0, { id: prompt, result: { stopReason: 'end_turn' } });
    vi.advanceTimersByTime(300_000);
    expect(link.lettings).toBe(1);
    link.isStalled = true;
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    vi.advanceTimersByTime(ms);
    link.comeBack();
    expect(stage.request(0).method).toBe('session/prompt');
    vi.advanceTimersByTime(60_000);
    return textsOf(await stage.told());
  }

  test(verifies('acp.progress', 'is told so also if the shell was let go of'), async () => {
    expect(await cameBack(2999)).toEqual([]);
    expect(await cameBack(3001)).toEqual([expect.stringContaining('starting')]);
  });

  test('is not told so if only the connection is lost', async () => {
    const { stage, session, prompt } = await inTurn(policy({}));
    stage.say(0, { id: prompt, result: { stopReason: 'end_turn' } });
    stage.link(0).isStalled = true;
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    await stage.told();
    vi.advanceTimersByTime(60_000);
    expect(await stage.told()).toEqual([]);
  });

  test('is not told so during a turn, nor behind one that is cancelled', async () => {
    const { stage, session, prompt } = await inTurn(
      policy({ cancel: { strategy: 'stop', graceMs: 60_000 } }),
    );
    vi.advanceTimersByTime(4000);
    cancel(stage, session);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    vi.advanceTimersByTime(4000);
    stage.heard(0);
    stage.say(0, { id: prompt, result: { stopReason: 'cancelled' } });
    expect(stage.request(0).method).toBe('session/prompt');
    vi.advanceTimersByTime(60_000);
    expect(textsOf(await stage.told())).toEqual([]);
  });

  test('is told so again for another prompt, and not for a cancelled one', async () => {
    const stage = new Stage(policy({}));
    stage.initialized();
    const session = await stage.opened(0);
    for (let time = 1; time <= 2; time += 1) {
      stage.link(0).begin({ cause: new BridgeError('agent-lost', 'gone') });
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      vi.advanceTimersByTime(2000);
      cancel(stage, session);
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      await stage.told();
      vi.advanceTimersByTime(2999);
      expect(textsOf(await stage.told())).toEqual([]);
      vi.advanceTimersByTime(60_000);
      expect(textsOf(await stage.told())).toHaveLength(1);
      cancel(stage, session);
      stage.heard(0);
    }
  });

  test(verifies('acp.progress', 'is not told so if the option turns it off'), async () => {
    expect(await waiting(policy({ progress: false }), {}, 60_000)).toEqual([]);
    expect(await waiting(policy({}), noProgress, 60_000)).toEqual([]);
    expect(await waiting(policy({}), { clientCapabilities: noProgress }, 60_000)).toEqual([]);
  });
});
