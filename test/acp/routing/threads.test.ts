import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { createLog } from '../../../src/base/log.ts';
import { verifies } from '../../requirements.ts';
import { canAll, Stage, textsOf, update } from '../agents-stage.ts';
import type { RoutedOptions } from '../routed.ts';

const lost = (): BridgeError => new BridgeError('agent-lost', 'the microVM is gone', { retryable: true });
const loads = { loadSession: true };
const log = createLog({ level: 'error', format: 'text', write: () => undefined });
const remote = { clientFs: false, clientTerminal: false, mcpStdio: 'drop', map: [], log } as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('sessions with a thread each', () => {
  test(
    verifies(
      ['acp.many-sessions', 'acp.session-ids'],
      'have agents of their own, which may use the same ids',
    ),
    async () => {
      const stage = new Stage();
      stage.initialized();
      await stage.told();
      const one = await stage.opened(0);
      const two = await stage.opened(1);
      expect(one).not.toBe(two);
      stage.ask('session/prompt', { sessionId: two, prompt: [] });
      expect(stage.heard(0)).toEqual([]);
      const prompt = stage.request(1);
      expect(prompt.params.sessionId).toBe('s');
      const asking = { id: 0, method: 'session/request_permission', params: { sessionId: 's' } };
      stage.say(0, asking);
      stage.say(1, asking);
      expect(await stage.told()).toMatchObject([
        { id: 0, params: { sessionId: one } },
        { id: 1, params: { sessionId: two } },
      ]);
      stage.it.ask('{"id":1,"result":"two"}', '{"id":0,"result":"one"}');
      expect(stage.heard(0)).toEqual([{ id: 0, result: 'one' }]);
      expect(stage.heard(1)).toEqual([{ id: 0, result: 'two' }]);
      stage.say(1, { id: prompt.id, result: { stopReason: 'end_turn' } });
      expect(await stage.told()).toMatchObject([{ id: 4, result: { stopReason: 'end_turn' } }]);
    },
  );

  test(verifies('acp.session-ids', 'are not exchanged in text, even if the text equals an id'), async () => {
    const stage = new Stage();
    stage.initialized();
    const session = await stage.opened(0, '1');
    const prompt = [
      { type: 'text', text: '1' },
      { type: 'text', text: session },
    ];
    stage.ask('session/prompt', { sessionId: session, prompt });
    const asked = stage.request(0);
    expect(asked.params).toEqual({ sessionId: '1', prompt });
    stage.say(0, update('1', '1'));
    stage.say(0, { id: asked.id, result: { stopReason: 'end_turn', chosen: '1' } });
    const [said, answer] = await stage.told();
    expect(said).toMatchObject({ params: { sessionId: session, update: { content: { text: '1' } } } });
    expect(answer?.result).toEqual({ stopReason: 'end_turn', chosen: '1' });
  });

  test(verifies('acp.session-ids', 'of subagents are routed to the agent that used their ids'), async () => {
    const stage = new Stage();
    stage.initialized();
    await stage.opened(0);
    await stage.opened(1);
    stage.say(1, {
      method: 'session/update',
      params: { sessionId: 's', update: { childSessionId: 'child' } },
    });
    stage.ask('_peek', { sessionId: 'child' });
    expect(stage.request(1).params.sessionId).toBe('child');
    stage.say(0, update('child', 'hello'));
    stage.ask('_peek', { sessionId: 'child' });
    expect(stage.request(0).params.sessionId).toBe('child');
  });

  test(
    verifies('acp.session-ids', 'get the client’s id also if an agent uses its own before it has answered'),
    async () => {
      const stage = new Stage();
      stage.initialized();
      await stage.told();
      const id = stage.ask('session/new', { cwd: '/', mcpServers: [] });
      const { id: number } = stage.request(0);
      stage.say(0, update('s', 'commands'));
      stage.say(0, { id: number, result: { sessionId: 's' } });
      const [first, second] = await stage.told();
      expect(second?.id).toBe(id);
      expect(second?.result).toEqual({ sessionId: first?.params?.['sessionId'] });
    },
  );

  test(
    verifies('acp.session-ids', 'of forks get the client’s id, and are opened again in the fork’s directory'),
    async () => {
      const map = [{ local: '/home/me', remote: '/mnt/mine' }];
      const stage = new Stage({ remote: { ...remote, map } });
      stage.initialized();
      const session = await stage.opened(0);
      await stage.opened(1);
      const id = stage.ask('session/fork', { sessionId: session, cwd: '/elsewhere', mcpServers: [] });
      const fork = stage.request(0);
      expect(fork.params).toEqual({ sessionId: 's', cwd: '/mnt/mine', mcpServers: [] });
      stage.say(0, update('f', 'early'));
      stage.say(0, { id: fork.id, result: { sessionId: 'f' } });
      const [early, answer] = await stage.told();
      const sessionId = session.replace(/s$/, 'f');
      expect([answer?.id, answer?.result]).toEqual([id, { sessionId }]);
      expect(early?.params?.['sessionId']).toBe(sessionId);
      stage.link(0).begin({ cause: lost() });
      stage.answer(0, { agentCapabilities: canAll });
      stage.ask('session/prompt', { sessionId, prompt: [] });
      expect(stage.answer(0, {})).toMatchObject({
        method: 'session/resume',
        params: { sessionId: 'f', cwd: '/mnt/mine' },
      });
      expect(stage.request(0).params.sessionId).toBe('f');
    },
  );

  test(verifies('acp.not-found', 'can’t be made up'), async () => {
    const stage = new Stage();
    stage.initialized();
    await stage.told();
    for (const method of ['session/load', 'session/prompt', 'session/resume', '_x'])
      stage.ask(method, { sessionId: 'nope' });
    expect((await stage.told()).map(({ error }) => error?.code)).toEqual([-32002, -32002, -32002, -32002]);
    expect(stage.links()).toHaveLength(1);
  });

  test('are listed with the client’s ids and directories', async () => {
    const stage = new Stage();
    stage.initialized();
    const one = await stage.opened(0, 'a');
    const two = await stage.opened(1, 'b');
    stage.ask('session/list', { cwd: null });
    const cwd = '/mnt/workspace';
    stage.answer(0, {
      sessions: [
        { sessionId: 'a', cwd, title: 'A' },
        { sessionId: 'old', cwd },
      ],
    });
    const { id } = stage.request(1);
    stage.say(1, { id, result: { sessions: [{ sessionId: 'b', cwd }], nextCursor: 'more' } });
    await vi.waitFor(() => expect(stage.link(1).toAgent).toHaveLength(1));
    expect(stage.answer(1, { sessions: [] }).params).toEqual({ cursor: 'more' });
    const [answer] = await vi.waitFor(async () => {
      const told = await stage.told();
      expect(told).toHaveLength(1);
      return told;
    });
    const key = [...stage.it.links.keys()][0] ?? '';
    expect(answer?.result).toEqual({
      sessions: [
        { sessionId: one, cwd: '/home/me', title: 'A' },
        { sessionId: `acb-${key}-old`, cwd },
        { sessionId: two, cwd: '/home/me' },
      ],
    });
  });

  test(
    verifies('host.notes', 'leave a note that a later bridge can read, however many one agent has'),
    async () => {
      const stage = new Stage({ threads: { is: 'fixed', key: 'k' } });
      stage.initialized();
      const models = 'x'.repeat(16_000);
      for (let n = 0; n < 40; n += 1) {
        const id = stage.ask('session/new', { cwd: '/home/me', mcpServers: [] });
        stage.answer(0, { sessionId: `s${n}`, models });
        expect((await stage.told()).at(-1)?.id).toBe(id);
      }
      const note = stage.link(0).notes.thread ?? '';
      // The longest line of the host is 512 KB, in base64.
      expect(note.length).toBeLessThanOrEqual(128 * 1024);
      const { sessions } = JSON.parse(note) as { sessions: Record<string, object> };
      expect(Object.keys(sessions)).toHaveLength(40);
    },
  );

  test('go on when the link to another agent fails for good', async () => {
    const stage = new Stage();
    stage.initialized();
    const one = await stage.opened(0);
    const two = await stage.opened(1);
    stage.ask('session/prompt', { sessionId: two, prompt: [] });
    stage.link(1).fail(new BridgeError('unreachable', 'no way'));
    expect(await stage.told()).toMatchObject([
      { error: { data: { 'agentcore-bridge/code': 'unreachable' } } },
    ]);
    expect(stage.it.fatal).toEqual([]);
    stage.ask('session/prompt', { sessionId: one, prompt: [] });
    expect(stage.request(0).method).toBe('session/prompt');
    // The next message tries again.
    stage.ask('session/prompt', { sessionId: two, prompt: [] });
    expect(stage.links()).toHaveLength(2);
    expect(stage.link(1).isAttached).toBe(true);
  });
});

describe('a list of the sessions', () => {
  const cwd = '/mnt/workspace';
  const policy = { cancel: { strategy: 'stop', graceMs: 1 }, idleDetachMs: 60_000, progress: false } as const;

  /** What the client is told of the sessions. */
  async function listed(stage: Stage, id: number): Promise<unknown> {
    const [answer] = await vi.waitFor(async () => {
      const told = await stage.told();
      expect(told).toHaveLength(1);
      return told;
    });
    expect(answer).toMatchObject({ id, result: { sessions: expect.any(Array) as unknown } });
    return (answer as { result: { sessions: unknown } }).result.sessions;
  }

  test(
    verifies(
      ['acp.session-list', 'acp.frugal'],
      'wakes no microVM that was let go of, and shows what this process knows',
    ),
    async () => {
      const stage = new Stage({ policy });
      stage.initialized();
      const one = await stage.opened(0, 'a');
      const two = await stage.opened(1, 'b');
      vi.advanceTimersByTime(60_000);
      for (const link of stage.links()) link.isAttached = false;
      expect(await listed(stage, stage.ask('session/list'))).toEqual([
        { sessionId: one, cwd: '/home/me' },
        { sessionId: two, cwd: '/home/me' },
      ]);
      expect(await listed(stage, stage.ask('session/list', { cwd: '/elsewhere' }))).toEqual([]);
      expect(stage.links().some(({ isAttached }) => isAttached)).toBe(false);
    },
  );

  test(verifies('acp.session-list', 'does not wait for an agent that takes longer than 800 ms'), async () => {
    const stage = new Stage();
    stage.initialized();
    const one = await stage.opened(0, 'a');
    const two = await stage.opened(1, 'b');
    const id = stage.ask('session/list');
    const { id: late } = stage.request(0);
    stage.answer(1, { sessions: [{ sessionId: 'b', cwd, title: 'B' }] });
    await stage.told();
    vi.advanceTimersByTime(800);
    expect(await listed(stage, id)).toEqual([
      { sessionId: one, cwd: '/home/me' },
      { sessionId: two, cwd: '/home/me', title: 'B' },
    ]);
    stage.say(0, { id: late, result: { sessions: [] } });
    expect(await stage.told()).toEqual([]);
  });

  test(
    verifies('acp.session-list', 'has the sessions that this machine remembers, if they can be found again'),
    async () => {
      const own = { key: 'a'.repeat(26), sessionId: `acb-${'a'.repeat(26)}-s`, cwd: '/home/me' };
      const chat = { key: 'discord:1:2', sessionId: `acb-${'b'.repeat(26)}`, cwd: '/' };
      const fixed = { key: 'mine', sessionId: 's', cwd: '/home/me/other' };
      const remembered = new Map([own, chat, fixed].map(({ key, ...session }) => [key, [session]] as const));
      const memory = { isKept: () => true, remember: () => undefined, recall: () => remembered };
      const told = async (options: RoutedOptions, client: string): Promise<unknown> => {
        const stage = new Stage({
          memory,
          cache: { read: () => undefined, write: () => undefined },
          ...options,
        });
        stage.ask('initialize', { protocolVersion: 1, clientInfo: { name: client } });
        await stage.told();
        return listed(stage, stage.ask('session/list'));
      };
      const names = ({ sessionId, cwd }: typeof own): object => ({ sessionId, cwd });
      expect(await told({ threads: { is: 'session' } }, 'editor')).toEqual([names(own)]);
      expect(await told({ threads: { is: 'auto' } }, 'openab')).toEqual([names(own), names(chat)]);
      expect(await told({ threads: { is: 'fixed', key: 'mine' } }, 'editor')).toEqual([names(fixed)]);
    },
  );

  test(verifies('acp.session-list', 'is stored as it changes'), async () => {
    const remembered = new Map<string, readonly object[]>();
    const memory = {
      isKept: () => true,
      remember: (key: string, sessions: readonly object[]) => void remembered.set(key, sessions),
      recall: () => new Map(),
    };
    const stage = new Stage({ memory });
    stage.initialized();
    const session = await stage.opened(0, 'a');
    expect([...remembered.values()]).toEqual([[{ sessionId: session, cwd: '/home/me' }]]);
    stage.ask('session/delete', { sessionId: session });
    stage.answer(0, {});
    expect([...remembered.values()]).toEqual([[]]);
  });

  test(verifies('acp.session-list', 'shows the client’s names of directories'), async () => {
    const map = [{ local: '/home/me', remote: '/mnt/mine' }];
    const stage = new Stage({ threads: { is: 'fixed', key: 'k' }, remote: { ...remote, map } });
    stage.initialized();
    await stage.told();
    const sessions = [
      { sessionId: 'a', cwd: '/mnt/mine/a' },
      { sessionId: 'b', cwd },
    ];
    const all = stage.ask('session/list');
    stage.answer(0, { sessions });
    expect(await listed(stage, all)).toEqual([{ sessionId: 'a', cwd: '/home/me/a' }, sessions[1]]);
    for (const [directory, sessionId] of [
      ['/home/me/a', 'a'],
      ['/elsewhere', 'b'],
    ] as const) {
      const some = stage.ask('session/list', { cwd: directory });
      expect(stage.answer(0, { sessions }).params).toEqual({});
      expect(await listed(stage, some)).toEqual([{ sessionId, cwd: directory }]);
    }
  });

  test.each([true, false])(
    verifies('acp.session-list', 'is offered if this machine has a place for it: %s'),
    async (isKept) => {
      const memory = { isKept: () => isKept, remember: () => undefined, recall: () => new Map() };
      const stage = new Stage({ memory });
      stage.initialized();
      const [answer] = await stage.told();
      const sessionCapabilities = isKept ? { resume: {}, list: {} } : { resume: {} };
      expect(answer?.result).toEqual({
        protocolVersion: 1,
        agentCapabilities: { loadSession: true, sessionCapabilities },
      });
    },
  );
});

describe('a session that cannot be opened', () => {
  const refusal = (code: number): object => ({ code, message: 'no' });

  /** Asks for a session, which the agent at `index` refuses. */
  async function refused(stage: Stage, index: number, code: number): Promise<void> {
    const id = stage.ask('session/new', { cwd: '/home/me', mcpServers: [] });
    stage.say(index, { id: stage.request(index).id, error: refusal(code) });
    expect((await stage.told()).at(-1)).toEqual({ jsonrpc: '2.0', id, error: refusal(code) });
  }

  test(verifies('acp.frugal', 'ends its microVM, and the next session begins another'), async () => {
    const stage = new Stage();
    stage.initialized();
    const [first = ''] = stage.it.links.keys();
    await refused(stage, 0, -32603);
    await vi.waitFor(() => expect(stage.it.stopped).toEqual([first]));
    expect(stage.link(0).isClosed).toBe(true);
    const session = await stage.opened(1);
    expect(session).not.toContain(first);
    expect(stage.links()).toHaveLength(2);
    // What names no session has its agent to go to.
    stage.ask('_x');
    expect(stage.request(1).method).toBe('_x');
    await stage.it.router.close(0);
    expect(stage.it.stopped).toEqual([first]);
  });

  test(
    verifies('acp.frugal', 'ends its microVM if the agent ends because of it, and others go on'),
    async () => {
      const stage = new Stage();
      stage.initialized();
      const session = await stage.opened(0);
      stage.ask('session/new', { cwd: '/home/me', mcpServers: [] });
      stage.link(1).begin();
      stage.answer(1, { agentCapabilities: canAll });
      stage.heard(1);
      stage.link(1).exit(137);
      const [, second = ''] = stage.it.links.keys();
      await vi.waitFor(() => expect(stage.it.stopped).toEqual([second]));
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      expect(stage.request(0).method).toBe('session/prompt');
    },
  );

  test(
    verifies(
      'acp.frugal',
      'for lack of a login leaves its microVM to the next session, in which the login is made',
    ),
    async () => {
      const stage = new Stage();
      stage.initialized();
      for (let n = 0; n < 3; n += 1) await refused(stage, 0, -32000);
      const id = stage.ask('authenticate', { methodId: 'key' });
      expect(stage.answer(0, {}).method).toBe('authenticate');
      expect(await stage.told()).toMatchObject([{ id, result: {} }]);
      await stage.opened(0);
      expect(stage.links()).toHaveLength(1);
      expect(stage.it.stopped).toEqual([]);
    },
  );

  test(
    verifies('acp.frugal', 'for lack of a login ends its own microVM if another one waits already'),
    async () => {
      const stage = new Stage();
      stage.initialized();
      for (let n = 0; n < 2; n += 1) stage.ask('session/new', { cwd: '/home/me', mcpServers: [] });
      stage.link(1).begin();
      stage.answer(1, { agentCapabilities: canAll });
      for (const index of [0, 1]) {
        stage.say(index, { id: stage.request(index).id, error: refusal(-32000) });
      }
      const [, second = ''] = stage.it.links.keys();
      await vi.waitFor(() => expect(stage.it.stopped).toEqual([second]));
      await stage.told();
      await stage.opened(0);
    },
  );
});

describe('a login', () => {
  const login = { methodId: 'key', _meta: { n: 1 } };

  test.each(['authenticate', 'logout'])(
    verifies(
      'acp.login',
      'by %s reaches the agents of all threads once one has accepted it, and is answered once',
    ),
    async (method) => {
      const stage = new Stage();
      stage.initialized();
      await stage.opened(0);
      await stage.opened(1);
      const id = stage.ask(method, login);
      expect(stage.heard(1)).toEqual([]);
      expect(stage.answer(0, { first: true })).toMatchObject({ method, params: login });
      expect(stage.answer(1, { second: true })).toMatchObject({ method, params: login });
      expect(await stage.told()).toEqual([{ jsonrpc: '2.0', id, result: { first: true } }]);
    },
  );

  test('that is refused reaches no other agent', async () => {
    const stage = new Stage();
    stage.initialized();
    await stage.opened(0);
    await stage.opened(1);
    stage.ask('authenticate', login);
    stage.say(0, { id: stage.request(0).id, error: { code: -32000, message: 'no' } });
    expect(stage.heard(1)).toEqual([]);
  });

  test(
    verifies(
      ['acp.login', 'acp.frugal'],
      'wakes no microVM that was let go of: its agent gets it before the next line',
    ),
    async () => {
      const policy = {
        cancel: { strategy: 'stop', graceMs: 1 },
        idleDetachMs: 1000,
        progress: false,
      } as const;
      const stage = new Stage({ policy });
      stage.initialized();
      await stage.opened(0);
      const session = await stage.opened(1);
      vi.advanceTimersByTime(1000);
      expect(stage.links().map(({ lettings }) => lettings)).toEqual([1, 1]);
      const link = stage.link(1);
      link.isAttached = false;
      link.isStalled = true;
      stage.ask('authenticate', login);
      stage.answer(0, {});
      expect(link.isAttached).toBe(false);
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      expect(link.isAttached).toBe(true);
      link.comeBack();
      expect(stage.heard(1).map(({ method }) => method)).toEqual(['authenticate', 'session/prompt']);
    },
  );

  test('goes to an agent that is there, if the first one was left for another', async () => {
    const other = new Stage();
    other.initialized();
    other.ask('session/load', { sessionId: `acb-${'a'.repeat(26)}-s`, cwd: '/', mcpServers: [] });
    await vi.waitFor(() => expect(other.it.stopped).toHaveLength(1));
    other.link(1).begin();
    other.answer(1, { agentCapabilities: canAll });
    other.answer(1, {});
    other.ask('authenticate', login);
    expect(other.request(1).method).toBe('authenticate');
    expect(other.links()).toHaveLength(2);
  });
});

describe('a session that the agent does not hold', () => {
  /** The next bridge, with what the last one left in the microVM. */
  function later(last: Stage, capabilities: object = canAll): Stage {
    const stage = new Stage({}, capabilities);
    const { notes } = last.link(0);
    stage.ask('initialize', { protocolVersion: 1 });
    stage.link(0).begin();
    stage.answer(0, { protocolVersion: 1, agentCapabilities: capabilities });
    expect(notes.thread).toBeDefined();
    return stage;
  }

  test(verifies('acp.heal', 'is resumed when it is next used, and the prompt waits for that'), async () => {
    const stage = new Stage();
    stage.initialized();
    const session = await stage.opened(0);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    stage.heard(0);
    stage.link(0).begin({ cause: lost() });
    expect(await stage.told()).toMatchObject([
      { error: { data: { 'agentcore-bridge/code': 'agent-lost' } } },
    ]);
    stage.ask('session/prompt', { sessionId: session, prompt: [{ type: 'text', text: 'again' }] });
    expect(stage.answer(0, { agentCapabilities: canAll }).method).toBe('initialize');
    const resume = stage.answer(0, {});
    expect(resume).toMatchObject({
      method: 'session/resume',
      params: { sessionId: 's', cwd: '/mnt/workspace', mcpServers: [] },
    });
    expect(stage.request(0)).toMatchObject({ method: 'session/prompt', params: { sessionId: 's' } });
    expect(await stage.told()).toEqual([]);
  });

  test.each([
    ['session/resume', { sessionCapabilities: { resume: {} } }],
    ['session/load', loads],
    ['session/new', {}],
  ])(
    verifies('acp.cwd', 'is opened by %s with its mapped directories and its MCP servers'),
    async (method, capabilities) => {
      const map = [{ local: '/home/me', remote: '/mnt/mine' }];
      const stage = new Stage({ remote: { ...remote, map } }, capabilities);
      stage.initialized();
      const http = { type: 'http', name: 'h', url: 'https://a', headers: [] };
      const server = { name: 'git', command: 'git-mcp', args: [], env: [] };
      stage.ask('session/new', {
        cwd: '/home/me',
        additionalDirectories: ['/home/me/b', '/elsewhere'],
        mcpServers: [server, http],
      });
      const asked = stage.answer(0, { sessionId: 's' }).params;
      const setup = { cwd: '/mnt/mine', additionalDirectories: ['/mnt/mine/b'], mcpServers: [http] };
      expect(asked).toEqual(setup);
      const result = (await stage.told()).at(-1)?.result as { sessionId: string };
      stage.link(0).begin({ cause: lost() });
      stage.answer(0, { agentCapabilities: capabilities });
      stage.ask('session/prompt', { sessionId: result.sessionId, prompt: [] });
      const brought = stage.request(0);
      const isNew = method === 'session/new';
      expect([brought.method, brought.params]).toEqual([
        method,
        { ...setup, ...(isNew ? {} : { sessionId: 's' }) },
      ]);
    },
  );

  test('holds its lines only until it is open: then the client is read again', async () => {
    const stage = new Stage();
    stage.initialized();
    const session = await stage.opened(0);
    stage.link(0).begin({ cause: lost() });
    stage.answer(0, { agentCapabilities: canAll });
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    const { id } = stage.request(0);
    expect(stage.it.router.pendingBytes).toBeGreaterThan(0);
    let hasRoom = false;
    const room = stage.it.router.drained(0).then(() => (hasRoom = true));
    await stage.told();
    expect(hasRoom).toBe(false);
    stage.say(0, { id, result: {} });
    expect(stage.it.router.pendingBytes).toBe(0);
    await room;
  });

  test('keeps the directory that the client named to an earlier bridge', async () => {
    const first = new Stage();
    first.initialized();
    const session = await first.opened(0);
    const { notes } = first.link(0);
    const stage = later(first);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    stage.link(1).begin({ epoch: '2', notes });
    stage.answer(1, { agentCapabilities: canAll });
    stage.answer(1, {});
    expect(JSON.parse(stage.link(1).notes.thread ?? '')).toMatchObject({
      sessions: { s: { cwd: '/mnt/workspace', localCwd: '/home/me', epoch: '2' } },
    });
  });

  test(
    verifies('acp.heal', 'is resumed, too, before a notification that the last agent was not sent'),
    async () => {
      const stage = new Stage();
      stage.initialized();
      const session = await stage.opened(0);
      const link = stage.link(0);
      link.isStalled = true;
      stage.it.ask(JSON.stringify({ method: '_note', params: { sessionId: session } }));
      link.isStalled = false;
      link.begin({ cause: lost() });
      link.deliver();
      stage.answer(0, { agentCapabilities: canAll });
      expect(stage.answer(0, {}).method).toBe('session/resume');
      expect(stage.request(0)).toEqual({ method: '_note', params: { sessionId: 's' } });
    },
  );

  test(
    verifies('acp.replay', 'is loaded without telling the client what it has seen, also behind the answer'),
    async () => {
      const stage = new Stage({}, loads);
      stage.initialized();
      const session = await stage.opened(0);
      stage.link(0).begin({ cause: lost() });
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      stage.answer(0, { agentCapabilities: loads });
      await stage.told();
      const load = stage.request(0);
      expect(load.method).toBe('session/load');
      stage.say(0, update('s', 'seen'));
      stage.say(0, update('s', 'mode', 'current_mode_update'));
      stage.say(0, { id: load.id, result: {} });
      stage.say(0, update('s', 'seen too'));
      vi.advanceTimersByTime(79);
      stage.say(0, update('s', 'and this'));
      vi.advanceTimersByTime(79);
      expect(stage.heard(0)).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(stage.request(0).method).toBe('session/prompt');
      stage.say(0, update('s', 'new'));
      expect(textsOf(await stage.told())).toEqual(['mode', 'new']);
    },
  );

  test('starts without history if the answer to its load can’t be read, and later updates reach the client', async () => {
    const stage = new Stage({}, loads);
    stage.initialized();
    const session = await stage.opened(0);
    stage.link(0).begin({ cause: lost() });
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    stage.answer(0, { agentCapabilities: loads });
    await stage.told();
    stage.link(0).say(`{"id":${stage.request(0).id},"result":{"modes"`);
    expect(stage.answer(0, { sessionId: 's' }).method).toBe('session/new');
    expect(stage.request(0).method).toBe('session/prompt');
    stage.say(0, update('s', 'hello'));
    expect(textsOf(await stage.told())).toEqual([expect.stringContaining('begins anew'), 'hello']);
  });

  test(
    verifies(
      'acp.load',
      'starts again behind the same id, and says so once, if the agent can’t bring it back',
    ),
    async () => {
      const stage = new Stage();
      stage.initialized();
      const session = await stage.opened(0);
      stage.link(0).begin({ cause: lost() });
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      stage.answer(0, { agentCapabilities: canAll });
      for (const method of ['session/resume', 'session/load']) {
        const request = stage.request(0);
        expect(request.method).toBe(method);
        stage.say(0, { id: request.id, error: { code: -32603, message: 'no' } });
      }
      expect(stage.answer(0, { sessionId: 't' }).method).toBe('session/new');
      expect(stage.request(0)).toMatchObject({ method: 'session/prompt', params: { sessionId: 't' } });
      stage.say(0, update('t', 'hello'));
      const told = await stage.told();
      expect(textsOf(told)).toEqual([expect.stringContaining('begins anew'), 'hello']);
      expect(told.every(({ params }) => params?.['sessionId'] === session)).toBe(true);
      // A later bridge finds it under the name that the client has.
      expect(JSON.parse(stage.link(0).notes.thread ?? '')).toMatchObject({
        sessions: { s: { became: 't' } },
      });
    },
  );

  test(
    verifies(
      'acp.load',
      'is found by a later bridge, which does not have a running agent load it to resume it',
    ),
    async () => {
      const first = new Stage();
      first.initialized();
      const session = await first.opened(0);
      const { notes } = first.link(0);
      const stage = new Stage();
      stage.ask('initialize', { protocolVersion: 1 });
      stage.link(0).begin();
      stage.answer(0, { agentCapabilities: canAll });
      await stage.told();
      stage.ask('session/resume', { sessionId: session, cwd: '/home/me', mcpServers: [] });
      stage.link(1).begin({ origin: 'found', epoch: '1', notes });
      expect(stage.heard(1)).toEqual([]);
      expect(await stage.told()).toMatchObject([{ id: 2, result: { sessionId: session } }]);
      stage.ask('session/load', { sessionId: session, cwd: '/elsewhere', mcpServers: [] });
      const load = stage.request(1);
      expect(load).toMatchObject({
        method: 'session/load',
        params: { sessionId: 's', cwd: '/mnt/workspace' },
      });
      stage.say(1, update('s', 'history'));
      stage.say(1, { id: load.id, result: { modes: null } });
      const told = await stage.told();
      expect(textsOf(told)).toEqual(['history']);
      expect(told.at(-1)).toMatchObject({ id: 3, result: { modes: null } });
    },
  );

  test('is not loaded during a turn that an earlier bridge began', async () => {
    const first = new Stage();
    first.initialized();
    const session = await first.opened(0);
    first.ask('session/prompt', { sessionId: session, prompt: [] });
    const prompt = first.request(0);
    const { notes } = first.link(0);
    const stage = later(first);
    stage.ask('session/load', { sessionId: session, cwd: '/', mcpServers: [] });
    stage.link(1).begin({ origin: 'found', epoch: '1', notes });
    expect(stage.heard(1)).toEqual([]);
    expect(stage.link(1).isAtRest).toBe(false);
    stage.say(1, { id: prompt.id, result: { stopReason: 'end_turn' } });
    expect(stage.link(1).isAtRest).toBe(true);
  });

  test(
    verifies('acp.not-found', 'is answered for by the agent if all sessions are in one thread'),
    async () => {
      const stage = new Stage({ threads: { is: 'fixed', key: 'k' } });
      stage.initialized();
      stage.ask('session/load', { sessionId: 'unknown', cwd: '/', mcpServers: [] });
      const { id, params } = stage.request(0);
      expect(params.sessionId).toBe('unknown');
      stage.say(0, { id, error: { code: -32002, message: 'none' } });
      expect((await stage.told()).at(-1)).toMatchObject({ id: 2, error: { code: -32002 } });
    },
  );

  test('fails the requests that wait for it when the agent ends because of it', async () => {
    const stage = new Stage();
    stage.initialized();
    const session = await stage.opened(0);
    stage.link(0).begin({ cause: lost() });
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    stage.answer(0, { agentCapabilities: canAll });
    expect(stage.request(0).method).toBe('session/resume');
    stage.link(0).exit(9, 'out of memory');
    expect(await stage.told()).toMatchObject([
      {
        error: {
          message: expect.stringContaining('out of memory') as string,
          data: { 'agentcore-bridge/exitCode': 9 },
        },
      },
    ]);
    stage.ask('session/prompt', { sessionId: session, prompt: [] });
    expect(stage.link(0).restarts).toHaveLength(1);
  });
});
