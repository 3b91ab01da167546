import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { threadIds } from '../../src/agent/thread-ids.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from '../../src/local/options.ts';
import { ServiceRecord } from '../e2e/service-record.ts';
import { endLater, startLocal } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';
import { type ChatThread, OpenabClient, type OpenabOptions } from './openab-client.ts';
import { keepsHistory, sentence, sessionAgent } from './stage.ts';

const discord: ChatThread = { channel: 'discord', channelId: '123', threadId: '456' };
const key = 'discord:123:456';

/** openab with a chat bot's disk, which is none. */
function openab(
  local: LocalAgentCore,
  options: Partial<OpenabOptions> & { switches?: readonly string[] } = {},
) {
  const { switches, ...others } = options;
  const client = new OpenabClient(local, {
    agent: sessionAgent(switches),
    home: '/nonexistent',
    thread: discord,
    ...others,
  });
  endLater(async () => {
    expect(client.unreadable).toEqual([]);
    expect(client.strayAnswers).toEqual([]);
    await client.bridge.stop();
  });
  return client;
}

/** A local AgentCore, and what it did. */
async function startRecorded(options: LocalAgentCoreOptions = {}) {
  const record = new ServiceRecord();
  return { record, local: await startLocal({ ...options, log: record.log }) };
}

/** The microVM of a thread, if it has one now. */
function microVmOf(local: LocalAgentCore, thread: string) {
  return local.sessions().find(({ sessionId }) => sessionId === threadIds(thread).runtimeSessionId);
}

function kindOf(params: Readonly<Record<string, unknown>> | undefined): string | undefined {
  return (params?.['update'] as { sessionUpdate: string } | undefined)?.sessionUpdate;
}

describe(verifies('openab.contract', 'openab'), () => {
  test.each(['head', 'own block'] as const)(
    verifies(
      ['acp.sender-context', 'acp.agent-requests', 'cli.environment'],
      'sends prompts with a context in the %s form: the chat thread has its microVM, and a permission is granted',
    ),
    async (form) => {
      const local = await startLocal();
      const client = openab(local);
      const sessionId = await client.begin();
      const first = await client.hear(sessionId, 'say 3', form);
      expect(first).toMatchObject({ answer: { result: { stopReason: 'end_turn' } }, said: ['0', '1', '2'] });
      const second = await client.hear(sessionId, 'ask permission', form);
      expect(second).toMatchObject({
        answer: { result: { stopReason: 'end_turn' } },
        said: ['permission always'],
      });
      const third = await client.hear(sessionId, 'tell history', form);
      expect(third.said).toEqual([JSON.stringify(['say 3', 'ask permission'])]);
      expect(microVmOf(local, key)?.shells).toMatchObject([
        { shellId: threadIds(key).shellId, attached: true },
      ]);
    },
  );

  test(
    verifies('acp.sender-context', 'in a channel without threads has the microVM of the channel'),
    async () => {
      const local = await startLocal();
      const client = openab(local, { thread: { channel: 'slack', channelId: 'C123' } });
      await client.hear(await client.begin(), 'say 1');
      expect(microVmOf(local, 'slack:C123')).toBeDefined();
    },
  );

  test.each([
    ['a microVM', 3000, []],
    ['an agent', 0, ['slow-start=3000']],
  ])(
    verifies(
      'acp.initialize-in-time',
      "is answered before a microVM is begun, and waits for no other thread's, while %s takes its time",
    ),
    async (_, provisionMs, switches) => {
      const { local, record } = await startRecorded({ limits: { provisionMs } });
      const client = openab(local, { switches });
      const { agentCapabilities } = await client.initialize('openab');
      expect(agentCapabilities).toMatchObject({ loadSession: true });
      const sessionId = await client.newSession('/home/agent');
      // No answer can have come from an agent.
      expect(record.begun).toEqual([]);
      expect((await client.hear(sessionId, 'say 1')).said).toEqual(['0']);
      expect(record.begun).toEqual([threadIds(key).runtimeSessionId]);
    },
  );

  test(
    verifies('acp.initialize-in-time', "is answered with the agent's last answer, without a microVM"),
    async () => {
      const { local, record } = await startRecorded();
      const home = await mkdtemp(join(tmpdir(), 'openab-'));
      endLater(() => rm(home, { recursive: true }));
      const first = openab(local, { home });
      await first.hear(await first.begin(), 'say 1');
      await first.end();
      await local.faults.evict();

      const second = openab(local, { home, thread: { ...discord, threadId: '789' } });
      expect(await second.initialize('openab')).toMatchObject({ agentInfo: { name: 'session-agent' } });
      const sessionId = await second.newSession('/home/agent');
      expect(record.begun).toHaveLength(1);
      expect((await second.hear(sessionId, 'say 1')).said).toEqual(['0']);
      expect(record.begun).toHaveLength(2);
    },
  );

  test.each([
    ['is shown', [], 1],
    ['is not shown', ['--no-progress'], 0],
  ])(
    verifies('acp.progress', '%s a thought while a microVM takes its time (%j)'),
    async (_, args, thoughts) => {
      const local = await startLocal({ limits: { provisionMs: 4500 } });
      const client = openab(local, { args });
      const sessionId = await client.begin();
      expect((await client.hear(sessionId, 'say 1')).said).toEqual(['0']);
      const kinds = client.messages.map(({ params }) => kindOf(params));
      expect(kinds.filter((kind) => kind === 'agent_thought_chunk')).toHaveLength(thoughts);
    },
  );

  test('sets a model in a thread whose agent runs', async () => {
    const local = await startLocal();
    const client = openab(local);
    const sessionId = await client.begin();
    await client.hear(sessionId, 'say 1');
    expect(await client.setModel(sessionId, 'large')).toBe('set');
    expect((await client.hear(sessionId, 'config')).said).toEqual(['{"model":"large"}']);
  });

  test(
    verifies(
      'acp.sender-context',
      'sets a model before the first prompt: it is answered in time, and the agent gets it',
    ),
    async () => {
      const local = await startLocal();
      const client = openab(local);
      const sessionId = await client.begin();
      const how = await client.setModel(sessionId, 'large');
      if (how === 'set') {
        expect((await client.hear(sessionId, 'config')).said).toEqual(['{"model":"large"}']);
      } else {
        expect(how).toMatchObject({
          answer: { result: { stopReason: 'end_turn' } },
          said: ['heard /model large'],
        });
      }
      // What comes with a context belongs to the chat thread, whatever came before it.
      await client.hear(sessionId, 'say 1');
      expect(microVmOf(local, key)).toBeDefined();
    },
  );

  test('shows in words that the agent refuses a model', async () => {
    const local = await startLocal();
    const client = openab(local);
    const sessionId = await client.begin();
    await client.hear(sessionId, 'say 1');
    expect(await client.setModel(sessionId, 'huge')).toMatchObject({ said: ['heard /model huge'] });
  });

  test(
    verifies('acp.cancel-strategy', 'cancels a prompt, and the next one goes to the same agent'),
    async () => {
      const local = await startLocal();
      const client = openab(local);
      const sessionId = await client.begin();
      const [life] = (await client.hear(sessionId, 'life')).said;
      const turn = client.hear(sessionId, 'say 1\nwait');
      await client.until(() => client.said(sessionId).includes('0'));
      client.notify('session/cancel', { sessionId });
      expect((await turn).answer.result).toEqual({ stopReason: 'cancelled' });
      expect((await client.hear(sessionId, 'life')).said).toEqual([life]);
    },
  );

  test(verifies('acp.cancel-strategy', 'cancels a prompt while its permission is asked for'), async () => {
    const local = await startLocal();
    const client = openab(local);
    const sessionId = await client.begin();
    client.onRequest = () => {
      client.notify('session/cancel', { sessionId });
      return { outcome: { outcome: 'cancelled' } };
    };
    expect(await client.hear(sessionId, 'ask permission')).toMatchObject({
      answer: { result: { stopReason: 'cancelled' } },
      said: ['permission cancelled'],
    });
  });

  test.each(['at rest', 'at work'])(
    verifies(
      ['cli.leaves', 'cli.exit-codes', 'host.takeover', 'acp.load', 'acp.initialize-in-time'],
      'ends a bridge %s with SIGTERM, without SIGKILL, and finds the same agent with the session that it kept',
    ),
    async (state) => {
      const { local, record } = await startRecorded();
      const first = openab(local);
      const sessionId = await first.begin();
      const [life, session] = (await first.hear(sessionId, 'life\nsession')).said;
      const open = state === 'at work' ? first.hear(sessionId, 'say 1\nsleep 1500\nsay 1') : undefined;
      await first.until(() => open === undefined || first.said(sessionId).includes('0'));
      expect(await first.end()).toEqual({ code: 0, wasKilled: false });
      expect((await open)?.answer.error?.code).toBe(open && -32800);

      const second = openab(local);
      expect(await second.comeBack(sessionId)).toBe(sessionId);
      const { said } = await second.hear(sessionId, 'life\nsession\nstarts\ntell history');
      const history = ['life\nsession', ...(open ? ['say 1\nsleep 1500\nsay 1'] : [])];
      // What the agent said last in the turn that was left open is not lost either.
      const rest = open ? ['0'] : [];
      expect(said).toEqual([...rest, life, session, '1', JSON.stringify(history)]);
      expect(record.begun).toEqual([threadIds(key).runtimeSessionId]);
    },
  );

  test(
    verifies(
      ['acp.sender-context', 'acp.load'],
      'finds the same agent and conversation with a new session, after its disk and the id were lost',
    ),
    async () => {
      const local = await startLocal();
      const first = openab(local);
      const lost = await first.begin();
      const [life, session] = (await first.hear(lost, 'life\nsession')).said;
      await first.end();

      const second = openab(local);
      const sessionId = await second.begin();
      expect((await second.hear(sessionId, 'life\nsession\nstarts')).said).toEqual([life, session, '1']);
    },
  );

  test.each([
    ['session/resume', []],
    ['session/load', ['no-resume']],
    ['session/load, which goes on after its answer', ['no-resume', 'late-history']],
    ['session/load, which wants the first directory', ['no-resume', 'refuses-other-cwd']],
  ])(
    verifies(
      ['acp.load', 'acp.replay'],
      'continues after the microVM was reclaimed, with the history by %s and nothing shown twice',
    ),
    async (_, switches) => {
      const local = await startLocal();
      const first = openab(local, { args: keepsHistory, switches });
      const sessionId = await first.begin();
      const [life] = (await first.hear(sessionId, 'life')).said;
      await first.hear(sessionId, 'say 6');
      await first.end();
      await local.faults.evict();

      const second = openab(local, { args: keepsHistory, switches });
      expect(await second.comeBack(sessionId)).toBe(sessionId);
      const { said } = await second.hear(sessionId, 'life\ntell history');
      expect(said).toHaveLength(2);
      expect(said[0]).not.toBe(life);
      expect(said[1]).toBe(JSON.stringify(['life', 'say 6']));
    },
  );

  test(
    verifies(
      ['acp.heal', 'acp.idle'],
      'continues in the same process after the microVM was reclaimed, with the history',
    ),
    async () => {
      const local = await startLocal();
      const client = openab(local, { args: [...keepsHistory, '--idle-detach', '200ms'] });
      const sessionId = await client.begin();
      const [life] = (await client.hear(sessionId, 'life')).said;
      // What was said is kept before the shell is let go.
      await expect
        .poll(() => microVmOf(local, key)?.shells, { timeout: 20_000 })
        .toMatchObject([{ attached: false }]);
      await local.faults.evict();
      const { said } = await client.hear(sessionId, 'life\ntell history');
      expect(said).toHaveLength(2);
      expect(said[0]).not.toBe(life);
      expect(said[1]).toBe(JSON.stringify(['life']));
    },
  );

  test.each([
    ['nothing of it is kept', []],
    ['the agent can load nothing', ['no-load', 'no-resume']],
  ])(
    verifies('acp.load', 'gets one sentence that the conversation is lost if %s, and continues'),
    async (why, switches) => {
      const local = await startLocal();
      const args = why === 'nothing of it is kept' ? [] : keepsHistory;
      const first = openab(local, { args, switches });
      const sessionId = await first.begin();
      await first.hear(sessionId, 'say 1');
      await first.end();
      await local.faults.evict();

      const second = openab(local, { args, switches });
      const now = await second.comeBack(sessionId);
      const { answer, said } = await second.hear(now, 'tell history');
      expect(answer.result).toMatchObject({ stopReason: 'end_turn' });
      expect(said).toEqual([expect.stringMatching(sentence), '[]']);
      expect((await second.hear(now, 'tell history')).said).toEqual([JSON.stringify(['tell history'])]);
    },
  );

  test(
    verifies(
      ['acp.sender-context', 'acp.many-sessions', 'cli.leaves'],
      'has ten threads at once, each in its own microVM, and no message gets to another thread',
    ),
    async () => {
      const { local, record } = await startRecorded();
      const threads = Array.from({ length: 10 }, (_, n) => `${n}`);
      const talks = threads.map(async (threadId) => {
        const client = openab(local, {
          thread: { ...discord, threadId },
          switches: ['counts-sessions'],
        });
        const sessionId = await client.begin();
        const turns = [];
        for (const words of [`I am ${threadId}`, 'ask permission', `still ${threadId}`]) {
          turns.push(await client.hear(sessionId, words));
        }
        expect(turns.map(({ said }) => said)).toEqual([
          [`heard I am ${threadId}`],
          ['permission always'],
          [`heard still ${threadId}`],
        ]);
        const { said } = await client.hear(sessionId, 'tell history');
        expect(said).toEqual([JSON.stringify([`I am ${threadId}`, 'ask permission', `still ${threadId}`])]);
        expect(await client.end()).toEqual({ code: 0, wasKilled: false });
      });
      await Promise.all(talks);
      for (const threadId of threads) expect(microVmOf(local, `discord:123:${threadId}`)).toBeDefined();
      expect(record.begun).toHaveLength(threads.length);
    },
  );
});
