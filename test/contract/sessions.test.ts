import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ServiceRecord } from '../e2e/service-record.ts';
import { endLater, startLocal } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';
import { selected } from './acp-client.ts';
import { connect, keepsHistory, notFound, sentence } from './stage.ts';

describe('many sessions in one bridge', () => {
  test(
    verifies(
      ['acp.many-sessions', 'acp.ids'],
      'have a hundred microVMs: prompts and permission requests under the same ids are not mixed up',
    ),
    async () => {
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
    },
    300_000,
  );

  test(
    verifies(
      ['acp.many-sessions', 'acp.ids'],
      'whose agents all ask under id 0 at once get their own answers, in whichever order these come',
    ),
    async () => {
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
    },
  );

  test(verifies('acp.initialize-in-time', 'begin with the microVM that answered initialize'), async () => {
    const local = await startLocal();
    const client = await connect(local);
    await client.prompt(await client.newSession(), 'say 1');
    expect(local.sessions()).toHaveLength(1);
  });

  test(
    verifies(
      'acp.session-ids',
      'send requests about a subagent, whose id no session/new returned, to its agent',
    ),
    async () => {
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
        // What it says is left alone, also where that is the id of its session.
        const [spoken = ''] = client.said(subagent);
        expect(session).toMatch(/^acb-[a-z2-7]{26}-/);
        expect(session.endsWith(`-${spoken}`)).toBe(true);
        lives.set(subagent, life);
      }
      for (const [subagent, life] of lives) {
        expect(await client.result('_test/who', { sessionId: subagent })).toMatchObject({
          life,
          sessionId: subagent,
        });
      }
      expect(new Set(lives.values()).size).toBe(2);
    },
  );
});

describe('a session that is opened again', () => {
  test.each(['session/load', 'session/resume'])(
    verifies(
      ['acp.load', 'acp.initialize-in-time'],
      'by %s in another process is the same one of the same agent, which is not initialized again',
    ),
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
  ])(
    verifies(['acp.load', 'acp.replay'], 'by %s after its microVM was reclaimed has its history (agent: %j)'),
    async (method, switches) => {
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
    },
  );

  test(verifies('acp.not-found', 'under an id that the bridge did not make is not found'), async () => {
    const client = await connect(await startLocal());
    expect(await client.load('nonsense')).toMatchObject(notFound);
    const prompt = { sessionId: 'nonsense', prompt: [] };
    expect(await client.request('session/prompt', prompt)).toMatchObject(notFound);
  });

  test(
    verifies('acp.load', 'whose microVM and saved files are gone starts without its history, and says so'),
    async () => {
      const client = await connect(await startLocal());
      const session = `acb-${'a'.repeat(26)}-${randomUUID()}`;
      expect((await client.load(session)).error).toBeUndefined();
      const { said } = await client.prompt(session, 'tell history');
      expect([...client.said(session)]).toEqual([expect.stringMatching(sentence), '[]']);
      expect(said.at(-1)).toBe('[]');
    },
  );

  test(
    verifies('acp.stale-answers', 'does not get the late answer to a prompt of the process before'),
    async () => {
      const local = await startLocal();
      const first = await connect(local);
      const session = await first.newSession();
      for (const words of ['one', 'two', 'three']) await first.prompt(session, words);
      const before = first.said(session).length;
      // Rejects, since the process is killed.
      const lost = first.prompt(session, 'say 1\nwait\nsay 2').catch((error: unknown) => error);
      await first.until(() => first.said(session).length > before);
      await first.bridge.stop();
      expect(await lost).toBeInstanceOf(Error);

      const second = await connect(local);
      await second.result('session/resume', { sessionId: session, cwd: '/', mcpServers: [] });
      // One of these might have the number that the lost prompt had: it would be answered before the agent comes to it.
      const turns = Array.from({ length: 8 }, (_, n) => second.prompt(session, `number ${n}`));
      second.notify('_test/go', { sessionId: session });
      for (const [n, turn] of turns.entries()) expect((await turn).said).toContain(`heard number ${n}`);
      expect(second.strayAnswers).toEqual([]);
    },
  );
});

describe('the sessions of several microVMs', () => {
  test(
    verifies(['acp.session-ids', 'acp.session-list'], "are listed together, under the client's ids"),
    async () => {
      const local = await startLocal();
      const client = await connect(local);
      const sessions = [await client.newSession(), await client.newSession(), await client.newSession()];
      for (const [n, session] of sessions.entries()) await client.prompt(session, `number ${n}`);
      const list = await client.result<{ sessions: { sessionId: string; title: string }[] }>('session/list');
      const titles = Object.fromEntries(list.sessions.map(({ sessionId, title }) => [sessionId, title]));
      expect(titles).toEqual(Object.fromEntries(sessions.map((session, n) => [session, `number ${n}`])));
    },
  );

  test(
    verifies(
      ['acp.session-list', 'acp.frugal'],
      'are listed by a later process on this machine, which begins no microVM for that',
    ),
    async () => {
      const record = new ServiceRecord();
      const local = await startLocal({ log: record.log });
      const state = await mkdtemp(join(tmpdir(), 'state-'));
      endLater(() => rm(state, { recursive: true }));
      const env = { XDG_STATE_HOME: state };
      const first = await connect(local, { env });
      const session = await first.newSession('/home/me/project');
      await first.prompt(session, 'say 1');
      first.bridge.endInput();
      await first.bridge.exit;

      const second = await connect(local, { env });
      const begun = record.begun.length;
      const list = await second.result<{ sessions: object[] }>('session/list', { cwd: '/home/me/project' });
      expect(list.sessions).toEqual([{ sessionId: session, cwd: '/home/me/project' }]);
      expect(record.begun).toHaveLength(begun);
      expect((await second.load(session)).error).toBeUndefined();
    },
  );

  test.each([
    ['one microVM', ['--thread', randomUUID()]],
    ['two microVMs', []],
  ])(
    verifies(
      ['acp.many-sessions', 'acp.session-close'],
      'can be closed, one without the other, and loaded again (%s)',
    ),
    async (_, args) => {
      const client = await connect(await startLocal(), { args });
      const [one, two] = [await client.newSession(), await client.newSession()];
      await client.prompt(one, 'say 1');
      await client.result('session/close', { sessionId: one });
      expect(await client.result('_test/who', { sessionId: two })).toMatchObject({ holds: [two] });
      expect((await client.prompt(two, 'say 1')).said).toEqual(['0']);
      expect((await client.load(one)).error).toBeUndefined();
      expect((await client.prompt(one, 'tell history')).said).toEqual([JSON.stringify(['say 1'])]);
    },
  );

  test.each([
    ['one microVM', ['--thread', randomUUID()]],
    ['two microVMs', []],
  ])(
    verifies(
      ['acp.not-found', 'acp.session-close'],
      'can be deleted, one without the other, and are not found any more (%s)',
    ),
    async (_, args) => {
      const client = await connect(await startLocal(), { args });
      const [one, two] = [await client.newSession(), await client.newSession()];
      await client.prompt(one, 'say 1');
      await client.result('session/delete', { sessionId: one });
      const { sessions } = await client.result<{ sessions: { sessionId: string }[] }>('session/list');
      expect(sessions.map(({ sessionId }) => sessionId)).toEqual([two]);
      expect(await client.load(one)).toMatchObject(notFound);
      expect((await client.prompt(two, 'say 1')).said).toEqual(['0']);
    },
  );
});
