import { describe, expect, test } from 'vitest';
import { startLocal } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';
import { connect, passes } from './stage.ts';

describe('a cancel', () => {
  test.each(['in one breath with it', 'though nothing moves any more', 'though the connection is gone'])(
    verifies(
      'acp.cancel-overtakes',
      'of a prompt of 5 MB during its upload ends it, %s: the agent gets none of it, or all of it',
    ),
    async (how) => {
      const local = await startLocal();
      const client = await connect(local);
      const session = await client.newSession();
      const [life] = (await client.prompt(session, 'life')).said;
      const underWay = Promise.withResolvers<void>();
      local.faults.onFrame(({ direction, bytes }) => {
        if (direction === 'in' && bytes > 32 * 1024) underWay.resolve();
      });
      const long = `wait\n${'x'.repeat(5 * 1024 * 1024)}`;
      const turn = client.prompt(session, long);
      if (how !== 'in one breath with it') await underWay.promise;
      if (how === 'though nothing moves any more') local.faults.blackhole(true);
      if (how === 'though the connection is gone') {
        local.faults.delayUpgrades(500);
        local.faults.cut('rst');
      }
      client.notify('session/cancel', { sessionId: session });
      await Promise.race([turn, passes(500)]);
      local.faults.blackhole(false);
      expect((await turn).answer.result).toEqual({ stopReason: 'cancelled' });

      const { said } = await client.prompt(session, 'life\ntell history');
      expect(said[0]).toBe(life);
      expect(JSON.parse(said[1] ?? '')).toSatisfy(
        ([first, ...rest]: string[]) => first === 'life' && (rest.length === 0 || rest.join() === long),
      );
    },
  );

  test.each(['stop', 'forward'])(
    verifies('acp.cancel-strategy', 'of an agent that obeys leaves the agent running (%s)'),
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

  test(
    verifies(
      'acp.cancel-strategy',
      'of an agent that ignores it ends the agent after the grace, and the next one has the history',
    ),
    async () => {
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
    },
  );

  test(
    verifies('acp.cancel-strategy', 'that is only forwarded waits for an agent that ignores it'),
    async () => {
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
    },
  );

  test(verifies('acp.cancel-strategy', 'with the strategy noop does not reach the agent'), async () => {
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
