import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { fixture } from '../e2e/bridge-process.ts';
import { endLater, startBridge, startLocal } from '../e2e/stage.ts';
import { AcpClient, selected } from './acp-client.ts';

interface Options {
  readonly args?: readonly string[];
  /** Of the agent. */
  readonly switches?: readonly string[];
  readonly isInitialized?: boolean;
}

/** A client of one bridge, whose sessions each have a microVM unless `--thread` is given. */
async function connect(local: LocalAgentCore, options: Options = {}): Promise<AcpClient> {
  const { args = [], switches = [], isInitialized = true } = options;
  const agent = [...fixture('session-agent.ts'), 'initialize-once', ...switches];
  const client = new AcpClient(startBridge(local, { args, agent, env: { HOME: '/nonexistent' } }));
  endLater(async () => {
    await client.bridge.stop();
    expect(client.strayAnswers).toEqual([]);
  });
  if (isInitialized) await client.initialize();
  return client;
}

const keepsHistory = ['--persist', '.session-agent'];
const notFound = { error: { code: -32002 } };

function attachedShells(local: LocalAgentCore): number {
  return local.sessions().flatMap(({ shells }) => shells.filter(({ attached }) => attached)).length;
}

/** Resolves when the microVMs have no shell attached to: what agents remember is kept by then. */
async function letGo(local: LocalAgentCore): Promise<void> {
  await expect.poll(() => attachedShells(local), { timeout: 20_000 }).toBe(0);
}

describe('many sessions in one bridge', () => {
  test('are a hundred microVMs: prompts and permission requests under the same ids do not get mixed up', async () => {
    const local = await startLocal();
    const client = await connect(local, { switches: ['counts-sessions'] });
    const rounds = 3;
    // What is permitted tells who asked, and which time.
    client.onRequest = ({ params }) => {
      const session = String(params['sessionId']);
      const times = client.asked.filter((asked) => asked.params['sessionId'] === session).length;
      return selected(`${session} ${times}`);
    };
    const sessions = await Promise.all(Array.from({ length: 100 }, () => client.newSession()));
    expect(new Set(sessions).size).toBe(100);
    await Promise.all(
      sessions.map(async (session) => {
        for (let round = 1; round <= rounds; round += 1) {
          const { answer, said } = await client.prompt(
            session,
            `ask permission\nround ${round} of ${session}`,
          );
          expect(answer.result).toEqual({ stopReason: 'end_turn' });
          expect(said).toEqual([`permission ${session} ${round}`, `heard round ${round} of ${session}`]);
        }
      }),
    );
    expect(client.asked).toHaveLength(100 * rounds);
    // No two questions had one id, although each agent counts from 0.
    expect(new Set(client.asked.map(({ id }) => id)).size).toBe(100 * rounds);
    expect(local.sessions()).toHaveLength(100);
  }, 300_000);

  test('whose agents ask under id 0 at once each get their own answer, in whichever order these come', async () => {
    const local = await startLocal();
    const client = await connect(local);
    const [one, two] = [await client.newSession(), await client.newSession()];
    const bothAsked = Promise.withResolvers<void>();
    const secondAnswered = Promise.withResolvers<void>();
    client.onRequest = async ({ params }) => {
      if (client.asked.length === 2) bothAsked.resolve();
      await bothAsked.promise;
      if (params['sessionId'] === one) await secondAnswered.promise;
      return selected(params['sessionId'] === one ? 'for one' : 'for two');
    };
    const first = client.prompt(one, 'ask permission');
    const second = await client.prompt(two, 'ask permission');
    secondAnswered.resolve();
    expect(second.said).toEqual(['permission for two']);
    expect((await first).said).toEqual(['permission for one']);
  });

  test('start with the microVM that answered initialize', async () => {
    const local = await startLocal();
    const client = await connect(local);
    await client.prompt(await client.newSession(), 'say 1');
    expect(local.sessions()).toHaveLength(1);
  });

  test('send what speaks of a subagent, whose id no session/new returned, to its agent', async () => {
    const local = await startLocal();
    const client = await connect(local);
    const [one, two] = [await client.newSession(), await client.newSession()];
    const lives = new Map<string, unknown>();
    for (const session of [one, two]) {
      const { said } = await client.prompt(session, 'life\nsubagent');
      const [life, end = ''] = said;
      const [subagent = '', ...chosen] = end.split(' ');
      expect(chosen).toEqual(['permission', 'always']);
      expect(client.asked.at(-1)?.params['sessionId']).toBe(subagent);
      // What it says of its session is said in the client's terms.
      expect(client.said(subagent)).toEqual([`working for ${session}`]);
      lives.set(subagent, life);
    }
    for (const [subagent, life] of lives) {
      expect(await client.result('_test/who', { sessionId: subagent })).toEqual({
        life,
        sessionId: subagent,
      });
    }
    expect(new Set(lives.values()).size).toBe(2);
  });
});

describe('a session that is asked for again', () => {
  test.each(['session/load', 'session/resume'])(
    'by %s in another process is the same one of the same agent, which is not initialized again',
    async (method) => {
      const local = await startLocal();
      const first = await connect(local);
      const session = await first.newSession();
      const [life] = (await first.prompt(session, 'life')).said;
      first.bridge.endInput();
      await first.bridge.exit;

      const second = await connect(local, { switches: ['second'] });
      const params = { sessionId: session, cwd: '/home/you/elsewhere', mcpServers: [] };
      const answer = await second.result(method, params);
      expect(answer).toMatchObject({ configOptions: [{ currentValue: 'small' }] });
      // To load is to be told the past, to resume is not.
      const isLoaded = method === 'session/load';
      expect(second.said(session, 'user')).toEqual(isLoaded ? ['life'] : []);
      expect(second.said(session)).toEqual(isLoaded ? [life] : []);
      const { said } = await second.prompt(session, 'life\nstarts\ntell history');
      expect(said).toEqual([life, '1', JSON.stringify(['life'])]);
    },
  );

  test.each([
    ['session/load', []],
    ['session/load', ['no-resume', 'refuses-other-cwd']],
    ['session/resume', ['no-load']],
  ])('by %s after its microVM was reclaimed has its past (agent: %j)', async (method, switches) => {
    const local = await startLocal();
    const first = await connect(local, { args: keepsHistory, switches });
    const session = await first.newSession();
    await first.prompt(session, 'say 2');
    first.bridge.endInput();
    await first.bridge.exit;
    await local.faults.evict();

    const second = await connect(local, { args: keepsHistory, switches });
    const params = { sessionId: session, cwd: '/home/you/elsewhere', mcpServers: [] };
    await second.result(method, params);
    const isLoaded = method === 'session/load';
    expect(second.said(session, 'user')).toEqual(isLoaded ? ['say 2'] : []);
    expect(second.said(session)).toEqual(isLoaded ? ['0', '1'] : []);
    expect((await second.prompt(session, 'tell history')).said).toEqual([JSON.stringify(['say 2'])]);
  });

  test.each([
    ['is no id of the bridge', () => 'nonsense'],
    ['has a key of no microVM', () => `acb-${'a'.repeat(26)}-${randomUUID()}`],
  ])('under an id that %s is not found', async (_, id) => {
    const local = await startLocal();
    const client = await connect(local);
    expect(await client.load(id())).toMatchObject(notFound);
    expect(await client.request('session/prompt', { sessionId: 'nonsense', prompt: [] })).toMatchObject(
      notFound,
    );
  });

  test('does not get the late answer to a prompt of the process before', async () => {
    const local = await startLocal();
    const first = await connect(local);
    const session = await first.newSession();
    // Rejects, since the process is killed.
    const lost = first.prompt(session, 'say 1\nwait\nsay 2').catch((error: unknown) => error);
    await first.until(() => first.said(session).length === 1);
    await first.bridge.stop();
    expect(await lost).toBeInstanceOf(Error);

    const second = await connect(local);
    await second.result('session/resume', { sessionId: session, cwd: '/', mcpServers: [] });
    second.notify('_test/go', { sessionId: session });
    await second.until(() => second.said(session).length >= 2);
    // The ids count on from here past the one that the lost prompt had; each is answered once, and by its own answer.
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => second.result('_test/who', { sessionId: session })),
    );
    expect(answers).toEqual(answers.map(() => ({ life: answers[0]?.['life'], sessionId: session })));
    expect((await second.prompt(session, 'say 1')).answer.result).toEqual({ stopReason: 'end_turn' });
    expect(second.strayAnswers).toEqual([]);
  });
});

describe('the sessions of several microVMs', () => {
  test('are listed together, under the ids that the client has', async () => {
    const local = await startLocal();
    const client = await connect(local);
    const sessions = [await client.newSession(), await client.newSession(), await client.newSession()];
    for (const [n, session] of sessions.entries()) await client.prompt(session, `number ${n}`);
    const list = await client.result<{ sessions: { sessionId: string; title: string }[] }>('session/list');
    const titles = Object.fromEntries(list.sessions.map(({ sessionId, title }) => [sessionId, title]));
    expect(titles).toEqual(Object.fromEntries(sessions.map((session, n) => [session, `number ${n}`])));
  });

  test('can be closed, one without the others, and loaded again', async () => {
    const local = await startLocal();
    const client = await connect(local);
    const [one, two] = [await client.newSession(), await client.newSession()];
    await client.prompt(one, 'say 1');
    await client.result('session/close', { sessionId: one });
    expect(await client.request('session/prompt', { sessionId: one, prompt: [] })).toMatchObject(notFound);
    expect((await client.prompt(two, 'say 1')).said).toEqual(['0']);
    expect((await client.load(one)).error).toBeUndefined();
    expect((await client.prompt(one, 'tell history')).said).toEqual([JSON.stringify(['say 1'])]);
  });

  test('can be deleted, one without the others, and are not found any more', async () => {
    const local = await startLocal();
    const client = await connect(local);
    const [one, two] = [await client.newSession(), await client.newSession()];
    await client.prompt(one, 'say 1');
    await client.result('session/delete', { sessionId: one });
    const { sessions } = await client.result<{ sessions: { sessionId: string }[] }>('session/list');
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([two]);
    expect(await client.load(one)).toMatchObject(notFound);
    expect((await client.prompt(two, 'say 1')).said).toEqual(['0']);
  });
});

describe('an agent that dies', () => {
  test.each([
    ['resumes', []],
    ['loads', ['no-resume']],
    ['goes on with its history after it has loaded', ['no-resume', 'late-history']],
  ])(
    'while it asks for permission withdraws the question and fails the prompt with its last words; one that %s knows what was said',
    async (_, switches) => {
      const local = await startLocal();
      const client = await connect(local, { switches });
      const [session, other] = [await client.newSession(), await client.newSession()];
      const [life] = (await client.prompt(session, 'life')).said;
      const [otherLife] = (await client.prompt(other, 'life')).said;
      client.onRequest = () => undefined;
      const turn = client.prompt(session, 'say 1\nask permission');
      await client.until(() => client.asked.length === 1);
      const stderr = 'one\ntwo\nthe disk is full\n';
      const crash = client.request('_test/crash', { sessionId: session, code: 9, stderr });
      const told = {
        error: {
          code: -32603,
          data: { 'agentcore-bridge/exitCode': 9, 'agentcore-bridge/stderr': 'one\ntwo\nthe disk is full' },
        },
      };
      expect((await turn).answer).toMatchObject(told);
      expect(await crash).toMatchObject(told);
      expect(client.withdrawn).toEqual([client.asked[0]?.id]);
      // An answer that comes too late is for nobody: the next agent asks under the same number.
      client.bridge.write(
        JSON.stringify({ jsonrpc: '2.0', id: client.asked[0]?.id, result: selected('too late') }),
      );
      client.onRequest = () => selected('in time');

      const next = await client.prompt(session, 'life\ntell history\nask permission');
      expect(next.answer.result).toEqual({ stopReason: 'end_turn' });
      expect(next.said).toHaveLength(3);
      expect(next.said[0]).not.toBe(life);
      expect(next.said.slice(1)).toEqual([
        JSON.stringify(['life', 'say 1\nask permission']),
        'permission in time',
      ]);
      expect((await client.prompt(other, 'life')).said).toEqual([otherLife]);
    },
  );

  test('takes all sessions of its thread with it, and each has its past again', async () => {
    const local = await startLocal();
    const client = await connect(local, { args: ['--thread', randomUUID()] });
    const [one, two] = [await client.newSession(), await client.newSession()];
    await client.prompt(one, 'I am one');
    await client.prompt(two, 'I am two');
    const open = [client.prompt(one, 'wait'), client.prompt(two, 'stderr out of memory\ncrash 9')];
    for (const { answer } of await Promise.all(open)) {
      expect(answer.error?.data).toMatchObject({ 'agentcore-bridge/exitCode': 9 });
      expect(answer.error?.message).toContain('out of memory');
    }
    const [first, second] = [
      await client.prompt(one, 'tell history'),
      await client.prompt(two, 'tell history'),
    ];
    expect(first.said).toEqual([JSON.stringify(['I am one', 'wait'])]);
    expect(second.said).toEqual([JSON.stringify(['I am two', 'stderr out of memory\ncrash 9'])]);
    expect(local.sessions()).toHaveLength(1);
  });

  test('and can bring nothing back has a new session under the same id, and the conversation says so once', async () => {
    const local = await startLocal();
    const client = await connect(local, { switches: ['no-load', 'no-resume'] });
    const session = await client.newSession();
    await client.prompt(session, 'say 1');
    await client.prompt(session, 'crash 9');
    const { answer, said } = await client.prompt(session, 'tell history');
    expect(answer.result).toEqual({ stopReason: 'end_turn' });
    expect(said).toEqual([expect.stringMatching(/^[A-Z].{20,}\.\s*$/), '[]']);
    expect((await client.prompt(session, 'say 1')).said).toEqual(['0']);
  });

  test('with its microVM fails the prompt, and the next one has the past', async () => {
    const local = await startLocal();
    const client = await connect(local, { args: [...keepsHistory, '--idle-detach', '200ms'] });
    const session = await client.newSession();
    await client.prompt(session, 'I was here');
    await letGo(local);
    const turn = client.prompt(session, 'say 1\nwait');
    await client.until(() => client.said(session).includes('0'));
    await local.faults.evict();
    expect((await turn).answer.error).toMatchObject({
      code: -32603,
      data: { 'agentcore-bridge/code': 'agent-lost', 'agentcore-bridge/retryable': true },
    });
    const { said } = await client.prompt(session, 'tell history');
    // The turn that was lost may not have been kept.
    expect(JSON.parse(said.join(''))).toEqual(expect.arrayContaining(['I was here']));
    expect(said).toHaveLength(1);
  });
});

describe('a cancel', () => {
  test('of a prompt of 5 MB that is still going up takes it back: the agent never knows of it', async () => {
    const local = await startLocal();
    const client = await connect(local);
    const session = await client.newSession();
    const [life] = (await client.prompt(session, 'life')).said;
    const halfway = Promise.withResolvers<void>();
    let sent = 0;
    local.faults.onFrame(({ direction, bytes }) => {
      if (direction !== 'in') return;
      sent += bytes;
      if (sent < 1024 * 1024) return;
      local.faults.blackhole(true);
      halfway.resolve();
    });
    const turn = client.prompt(session, `life\n${'x'.repeat(5 * 1024 * 1024)}`);
    await halfway.promise;
    client.notify('session/cancel', { sessionId: session });
    expect((await turn).answer.result).toEqual({ stopReason: 'cancelled' });
    local.faults.blackhole(false);
    const next = await client.prompt(session, 'life\ntell history');
    expect(next.said).toEqual([life, JSON.stringify(['life'])]);
  });

  test.each(['stop', 'forward'])(
    'of an agent that heeds it leaves the agent alive (%s)',
    async (strategy) => {
      const local = await startLocal();
      const client = await connect(local, { args: ['--cancel-strategy', strategy] });
      const session = await client.newSession();
      const turn = client.prompt(session, 'life\nwait');
      await client.until(() => client.said(session).length === 1);
      client.notify('session/cancel', { sessionId: session });
      const { answer, said } = await turn;
      expect(answer.result).toEqual({ stopReason: 'cancelled' });
      expect((await client.prompt(session, 'life')).said).toEqual(said);
    },
  );

  test('of an agent that does not heed it ends the agent after the grace, and the next one knows what was said', async () => {
    const local = await startLocal();
    const client = await connect(local, { args: ['--cancel-grace', '300ms'] });
    const session = await client.newSession();
    const turn = client.prompt(session, 'life\nignore cancel\nwait\nsay 1');
    await client.until(() => client.said(session).length === 1);
    client.notify('session/cancel', { sessionId: session });
    // What is asked meanwhile waits for the turn's end.
    const next = client.prompt(session, 'life\ntell history');
    const { answer, said } = await turn;
    expect(answer.result).toEqual({ stopReason: 'cancelled' });
    const after = await next;
    expect(after.answer.result).toEqual({ stopReason: 'end_turn' });
    expect(after.said).toHaveLength(2);
    expect(after.said[0]).not.toBe(said[0]);
    expect(after.said[1]).toBe(JSON.stringify(['life\nignore cancel\nwait\nsay 1']));
  });

  test('that is only forwarded waits for an agent that does not heed it', async () => {
    const local = await startLocal();
    const args = ['--cancel-strategy', 'forward', '--cancel-grace', '100ms'];
    const client = await connect(local, { args });
    const session = await client.newSession();
    const turn = client.prompt(session, 'life\nignore cancel\nwait\nlife');
    await client.until(() => client.said(session).length === 1);
    client.notify('session/cancel', { sessionId: session });
    await passes(300);
    client.notify('_test/go', { sessionId: session });
    const { answer, said } = await turn;
    expect(answer.result).toEqual({ stopReason: 'end_turn' });
    expect(said).toEqual([said[0], said[0]]);
  });

  test('that is ignored does not reach the agent', async () => {
    const local = await startLocal();
    const args = ['--cancel-strategy', 'noop', '--cancel-grace', '100ms'];
    const client = await connect(local, { args });
    const session = await client.newSession();
    const turn = client.prompt(session, 'life\nwait\nlife');
    await client.until(() => client.said(session).length === 1);
    client.notify('session/cancel', { sessionId: session });
    await passes(300);
    client.notify('_test/go', { sessionId: session });
    const { answer, said } = await turn;
    expect(answer.result).toEqual({ stopReason: 'end_turn' });
    expect(said).toEqual([said[0], said[0]]);
  });
});

describe('a bridge that leaves', () => {
  test.each([
    ['stop', 0],
    ['detach', 2],
  ])('with --on-exit %s leaves %i of two microVMs behind, within a second', async (how, left) => {
    const local = await startLocal();
    const client = await connect(local, { args: ['--on-exit', how] });
    for (const session of [await client.newSession(), await client.newSession()]) {
      await client.prompt(session, 'say 1');
    }
    const since = performance.now();
    client.bridge.signal('SIGTERM');
    expect(await client.bridge.exit).toBe(0);
    expect(performance.now() - since).toBeLessThan(1000);
    await expect.poll(() => local.sessions().length).toBe(left);
  });
});

describe('a thread at which nothing goes on', () => {
  test('has its shell let go, and the next message comes back to the same agent', async () => {
    const local = await startLocal();
    const client = await connect(local, { args: ['--idle-detach', '200ms'] });
    const session = await client.newSession();
    const first = await client.prompt(session, 'life');
    await letGo(local);
    expect((await client.prompt(session, 'life')).said).toEqual(first.said);
  });

  test('can lose its microVM to the idle timeout, and the next message has the past', async () => {
    const local = await startLocal({ limits: { idleMs: 300 } });
    const client = await connect(local, { args: [...keepsHistory, '--idle-detach', '200ms'] });
    const session = await client.newSession();
    const { said } = await client.prompt(session, 'life');
    await expect.poll(() => local.sessions().length, { timeout: 20_000 }).toBe(0);
    const next = await client.prompt(session, 'life\ntell history');
    expect(next.said).toHaveLength(2);
    expect(next.said[0]).not.toBe(said[0]);
    expect(next.said[1]).toBe(JSON.stringify(['life']));
  });

  test('is none whose turn is open, while nothing is said', async () => {
    const local = await startLocal();
    const client = await connect(local, { args: ['--idle-detach', '200ms'] });
    const session = await client.newSession();
    const turn = client.prompt(session, 'say 1\nwait');
    await client.until(() => client.said(session).length === 1);
    await passes(600);
    expect(attachedShells(local)).toBe(1);
    client.notify('_test/go', { sessionId: session });
    await turn;
    await letGo(local);
  });

  test('is none whose turn is open with protocol version 2, where a prompt is answered before its end', async () => {
    const local = await startLocal();
    const client = await connect(local, {
      args: ['--idle-detach', '200ms'],
      switches: ['version=2'],
      isInitialized: false,
    });
    const info = { name: 'test-client', version: '1' };
    await client.result('initialize', { protocolVersion: 2, info, capabilities: {} });
    const session = await client.newSession();
    expect((await client.prompt(session, 'say 1\nwait')).answer.result).toHaveProperty('messageId');
    await client.until(() => client.said(session).length === 1);
    await passes(600);
    expect(attachedShells(local)).toBe(1);
    client.notify('_test/go', { sessionId: session });
    await letGo(local);
  });
});

/** Lets time pass in which something must not happen. */
async function passes(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
