import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { verifies } from '../../requirements.ts';
import { canAll, Stage, textsOf, update } from '../agents-stage.ts';

const contextOf = (thread_id: string): object => ({
  type: 'text',
  text: `<sender_context>\n${JSON.stringify({ channel: 'discord', channel_id: '1', thread_id })}\n</sender_context>`,
});
const said = (text: string): object => ({ type: 'text', text });
const opened = {
  configOptions: [
    { id: 'model', currentValue: 'small' },
    { id: 'mode', currentValue: 'ask' },
  ],
  modes: { currentModeId: 'ask' },
};

/** What agents of this kind said last time. */
function cacheOf(said: object) {
  const cache = {
    text: JSON.stringify(said),
    read: () => cache.text,
    write: (_client: string, text: string) => void (cache.text = text),
  };
  return cache;
}
const known = {
  initialize: JSON.stringify({ protocolVersion: 1, agentCapabilities: canAll }),
  opened: JSON.stringify({ sessionId: 'x', ...opened }),
};

/** A chat bot whose agent was seen before. */
function bot(threads: 'auto' | 'sender-context' = 'auto'): Stage {
  const stage = new Stage({ threads: { is: threads }, cache: cacheOf(known) });
  stage.ask('initialize', { protocolVersion: 1, clientInfo: { name: 'openab' } });
  return stage;
}

/** Opens a session, and returns its id. */
async function newSession(stage: Stage): Promise<string> {
  const id = stage.ask('session/new', { cwd: '/', mcpServers: [] });
  const answers = await stage.told();
  const result = answers.find((answer) => answer.id === id)?.result as { sessionId: string };
  return result.sessionId;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a chat bot whose prompts name their threads', () => {
  test(
    verifies(
      ['acp.sender-context', 'acp.initialize-in-time'],
      'is answered at once, and begins no microVM before the first prompt',
    ),
    async () => {
      const stage = bot();
      stage.ask('session/new', { cwd: '/', mcpServers: [] });
      expect(await stage.told()).toEqual([
        { jsonrpc: '2.0', id: 1, result: JSON.parse(known.initialize) as object },
        {
          jsonrpc: '2.0',
          id: 2,
          result: { ...opened, sessionId: expect.stringMatching(/^acb-[a-z2-7]{26}$/) as string },
        },
      ]);
      expect(stage.links().some(({ isAttached }) => isAttached)).toBe(false);
    },
  );

  test(
    verifies('acp.sender-context', 'gets the agent of its thread, with the settings that it made before'),
    async () => {
      const stage = bot();
      const session = await newSession(stage);
      stage.ask('session/set_config_option', { sessionId: session, configId: 'model', value: 'large' });
      expect((await stage.told())[0]?.result).toEqual({
        configOptions: [
          { id: 'model', currentValue: 'large' },
          { id: 'mode', currentValue: 'ask' },
        ],
      });
      stage.ask('session/prompt', { sessionId: session, prompt: [contextOf('456'), said('hello')] });
      expect([...stage.it.links.keys()].at(-1)).toBe('discord:1:456');
      const at = stage.links().length - 1;
      stage.link(at).begin();
      stage.answer(at, { protocolVersion: 1, agentCapabilities: canAll });
      expect(stage.answer(at, { sessionId: 's' })).toMatchObject({
        method: 'session/new',
        params: { cwd: '/mnt/workspace', mcpServers: [] },
      });
      const [setting, prompt] = stage.heard(at);
      expect(setting).toMatchObject({
        method: 'session/set_config_option',
        params: { sessionId: 's', value: 'large' },
      });
      expect(prompt).toMatchObject({ method: 'session/prompt', params: { sessionId: 's' } });
      stage.say(at, { id: setting?.id, result: { configOptions: [] } });
      stage.say(at, update('s', 'hi'));
      stage.say(at, { id: prompt?.id, result: { stopReason: 'end_turn' } });
      const told = await stage.told();
      expect(told.map(({ id }) => id)).toEqual([undefined, 4]);
      expect(told[0]?.params?.['sessionId']).toBe(session);
    },
  );

  test(
    verifies('acp.load', 'finds the agent’s session again, after a load or a new session in a later process'),
    async () => {
      const first = bot();
      const session = await newSession(first);
      first.ask('session/prompt', { sessionId: session, prompt: [contextOf('456')] });
      const last = first.links().length - 1;
      first.link(last).begin();
      first.answer(last, { protocolVersion: 1, agentCapabilities: canAll });
      first.answer(last, { sessionId: 's' });
      const { notes } = first.link(last);
      for (const isLoaded of [true, false]) {
        const stage = bot();
        await stage.told();
        if (isLoaded) {
          stage.ask('session/load', { sessionId: session, cwd: '/', mcpServers: [] });
          expect(await stage.told()).toEqual([{ jsonrpc: '2.0', id: 2, result: opened }]);
        }
        const now = isLoaded ? session : await newSession(stage);
        stage.ask('session/prompt', { sessionId: now, prompt: [contextOf('456'), said('again')] });
        const at = stage.links().length - 1;
        stage.link(at).begin({ origin: 'found', epoch: '1', notes });
        expect(stage.request(at)).toMatchObject({ method: 'session/prompt', params: { sessionId: 's' } });
        stage.say(at, update('s', 'hi'));
        expect(textsOf(await stage.told())).toEqual(['hi']);
      }
    },
  );

  test('has a thread of its own for a session whose prompt names none', async () => {
    const stage = bot('sender-context');
    const session = await newSession(stage);
    stage.ask('session/prompt', { sessionId: session, prompt: [said('hello')] });
    expect(stage.links()).toHaveLength(1);
    expect(session).toBe(`acb-${[...stage.it.links.keys()][0]}`);
    expect(stage.link(0).isAttached).toBe(true);
  });

  test.each([
    ['what is known of the agent', { loadSession: false, promptCapabilities: { image: true } }],
    ['little', undefined],
  ])(
    verifies(
      'acp.initialize-in-time',
      'is answered with %s if no agent was heard before, and no microVM is begun',
    ),
    async (_, agentCapabilities) => {
      const stage = new Stage({ threads: { is: 'auto' }, agentCapabilities });
      stage.ask('initialize', { protocolVersion: 1, clientInfo: { name: 'openab' } });
      const session = await newSession(stage);
      stage.ask('session/load', { sessionId: session, cwd: '/', mcpServers: [] });
      const [answer] = await stage.told();
      expect(answer).toMatchObject({ id: 3, result: {} });
      expect(stage.links().some(({ isAttached }) => isAttached)).toBe(false);
      stage.ask('session/prompt', { sessionId: session, prompt: [contextOf('456')] });
      const attached = [...stage.it.links].filter(([, { isAttached }]) => isAttached);
      expect(attached.map(([key]) => key)).toEqual(['discord:1:456']);
      expect(stage.it.stopped).toEqual([]);
    },
  );

  test.each([
    [
      { loadSession: false, promptCapabilities: { image: true } },
      { loadSession: true, promptCapabilities: { image: true } },
    ],
    [undefined, { loadSession: true, promptCapabilities: { image: false } }],
  ])(
    verifies('acp.initialize-in-time', 'is always offered session/load: %j'),
    async (agentCapabilities, expected) => {
      const stage = new Stage({ threads: { is: 'auto' }, agentCapabilities });
      stage.ask('initialize', { protocolVersion: 1, clientInfo: { name: 'openab' } });
      expect(await stage.told()).toMatchObject([{ id: 1, result: { agentCapabilities: expected } }]);
      const said = { initialize: '{"protocolVersion":1}' };
      const next = new Stage({ threads: { is: 'auto' }, cache: cacheOf(said) });
      next.ask('initialize', { protocolVersion: 1, clientInfo: { name: 'openab' } });
      expect(await next.told()).toMatchObject([
        { id: 1, result: { agentCapabilities: { loadSession: true } } },
      ]);
    },
  );
});

test(
  verifies('acp.sender-context', 'of another name is bound by its first prompt, if that names a thread'),
  async () => {
    const stage = new Stage({ threads: { is: 'auto' } });
    stage.initialized('some bot');
    const session = await stage.opened(0);
    stage.ask('session/prompt', { sessionId: session, prompt: [contextOf('456')] });
    expect(stage.heard(0)).toEqual([]);
    stage.link(1).begin();
    stage.answer(1, { protocolVersion: 1, agentCapabilities: canAll });
    stage.answer(1, { sessionId: 't' });
    expect(stage.request(1).params.sessionId).toBe('t');
    stage.say(1, update('t', 'hi'));
    expect((await stage.told()).at(-1)?.params?.['sessionId']).toBe(session);
    await vi.waitFor(() => expect(stage.it.stopped).toHaveLength(1));
  },
);

describe('initialize', () => {
  test(
    verifies('acp.initialize-in-time', 'is answered from the cache if the agent takes too long'),
    async () => {
      const cache = cacheOf(known);
      const stage = new Stage({ cache, initializeTimeoutMs: 5000 });
      stage.ask('initialize', { protocolVersion: 1 });
      vi.advanceTimersByTime(4999);
      expect(await stage.told()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(await stage.told()).toEqual([
        { jsonrpc: '2.0', id: 1, result: JSON.parse(known.initialize) as object },
      ]);
      // What the agent says in the end is for the next time.
      stage.link(0).begin();
      stage.answer(0, { protocolVersion: 1, agentCapabilities: { loadSession: false } });
      expect(await stage.told()).toEqual([]);
      expect(cache.text).toContain('false');
      stage.ask('session/new', { cwd: '/' });
      expect(stage.links()).toHaveLength(1);
      expect(stage.request(0).method).toBe('session/new');
    },
  );

  test(
    verifies('acp.initialize-in-time', 'waits for the agent if the client has no known limit'),
    async () => {
      const stage = new Stage({ cache: cacheOf(known) });
      stage.ask('initialize', { protocolVersion: 1, clientInfo: { name: 'editor' } });
      vi.advanceTimersByTime(24 * 3_600_000);
      expect(await stage.told()).toEqual([]);
      stage.link(0).begin();
      stage.answer(0, { protocolVersion: 1, agentCapabilities: { loadSession: false } });
      expect(await stage.told()).toMatchObject([
        { id: 1, result: { agentCapabilities: { loadSession: false } } },
      ]);
    },
  );

  test(
    verifies('acp.initialize-in-time', 'of openab, which gives up after 30 s, is answered after 20 s'),
    async () => {
      const stage = new Stage({ threads: { is: 'fixed', key: 'k' }, cache: cacheOf(known) });
      stage.ask('initialize', { protocolVersion: 1, clientInfo: { name: 'openab' } });
      vi.advanceTimersByTime(19_999);
      expect(await stage.told()).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(await stage.told()).toMatchObject([{ id: 1, result: JSON.parse(known.initialize) as object }]);
    },
  );

  test(
    verifies(
      'acp.initialize-in-time',
      'is answered with an agent’s answer to a client of the same version and capabilities',
    ),
    async () => {
      const kept = new Map<string, string>();
      const cache = {
        read: (client: string) => kept.get(client),
        write: (client: string, text: string) => void kept.set(client, text),
      };
      const client = (protocolVersion: number, clientCapabilities: object) => ({
        protocolVersion,
        clientCapabilities,
        clientInfo: { name: 'openab' },
      });
      const first = new Stage({ threads: { is: 'fixed', key: 'k' }, cache });
      first.ask('initialize', client(1, { fs: {}, elicitation: {} }));
      first.link(0).begin();
      first.answer(0, { protocolVersion: 1, agentCapabilities: {}, agentInfo: { name: 'known' } });
      const isKnown = async (params: object): Promise<boolean> => {
        const stage = new Stage({ threads: { is: 'auto' }, cache });
        stage.ask('initialize', params);
        vi.advanceTimersByTime(20_000);
        const [answer] = await stage.told();
        return Object.hasOwn(answer?.result as object, 'agentInfo');
      };
      // What is withheld from agents makes no difference.
      expect(await isKnown(client(1, { elicitation: {} }))).toBe(true);
      expect(await isKnown(client(1, { terminal: true, elicitation: {} }))).toBe(true);
      expect(await isKnown(client(1, { elicitation: {}, boolean: {} }))).toBe(false);
      expect(await isKnown(client(1, {}))).toBe(false);
      expect(await isKnown(client(2, { elicitation: {} }))).toBe(false);
    },
  );

  test.each([
    [undefined, { loadSession: true }],
    [
      { loadSession: false, x: 1 },
      { loadSession: false, x: 1 },
    ],
  ])(
    'is answered with --agent-capabilities, or minimal ones, if nothing else is known: %j',
    async (agentCapabilities, expected) => {
      const stage = new Stage({ agentCapabilities, initializeTimeoutMs: 1 });
      stage.ask('initialize', { protocolVersion: 1 });
      vi.advanceTimersByTime(1);
      const [answer] = await stage.told();
      expect(answer?.result).toMatchObject({ protocolVersion: 1, agentCapabilities: expected });
    },
  );

  test(
    verifies('acp.initialize-in-time', 'does not reach an agent that was introduced by an earlier bridge'),
    async () => {
      const stage = new Stage({ threads: { is: 'fixed', key: 'k' } });
      stage.ask('initialize', { protocolVersion: 1 });
      stage.link(0).begin({
        origin: 'found',
        notes: { agent: '{"protocolVersion":1,"x":9007199254740993}', thread: undefined },
      });
      expect(stage.heard(0)).toEqual([]);
      expect(await stage.it.told()).toEqual([
        '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1,"x":9007199254740993}}',
      ]);
    },
  );
});
