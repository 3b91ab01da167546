import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startLocal } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';
import { selected } from './acp-client.ts';
import { connect, keepsHistory, letGo, sentence } from './stage.ts';

describe('an agent that ends unexpectedly', () => {
  test.each([
    ['resumes', []],
    ['loads', ['no-resume']],
    ['goes on with its history after it has loaded', ['no-resume', 'late-history']],
  ])(
    verifies(
      ['acp.heal', 'acp.agent-requests', 'acp.replay', 'acp.stale-answers'],
      'while it asks for permission has its question cancelled and the prompt fails with its stderr; one that %s has the history',
    ),
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
      // An answer that comes too late is for nobody: the next agent will ask under the same number.
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
      expect(await client.result('_test/who', { sessionId: session })).toMatchObject({ strays: 0 });
      expect((await client.prompt(other, 'life')).said).toEqual([otherLife]);
    },
  );

  test(
    verifies('acp.heal', 'ends all sessions of its thread, and each is brought back with its history'),
    async () => {
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
    },
  );

  test(
    verifies(
      'acp.load',
      'and can’t bring sessions back gets a new session under the same id, and the conversation says so once',
    ),
    async () => {
      const local = await startLocal();
      const client = await connect(local, { switches: ['no-load', 'no-resume'] });
      const session = await client.newSession();
      await client.prompt(session, 'say 1');
      await client.prompt(session, 'crash 9');
      const { answer, said } = await client.prompt(session, 'tell history');
      expect(answer.result).toEqual({ stopReason: 'end_turn' });
      expect(said).toEqual([expect.stringMatching(sentence), '[]']);
      expect((await client.prompt(session, 'say 1')).said).toEqual(['0']);
    },
  );

  test(
    verifies('acp.heal', 'with its microVM fails the prompt, and the next prompt has the history'),
    async () => {
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
    },
  );
});
