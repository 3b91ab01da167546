import { describe, expect, test } from 'vitest';
import { ServiceRecord } from '../e2e/service-record.ts';
import { startLocal } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';
import { attachedShells, connect, keepsHistory, letGo, passes } from './stage.ts';

describe('a bridge that leaves', () => {
  test.each([
    ['stop', 0],
    ['detach', 2],
  ])(
    verifies(
      ['cli.leaves', 'cli.on-exit'],
      'with --on-exit %s leaves %i of two microVMs behind, within a second',
    ),
    async (how, left) => {
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
    },
  );
});

describe('a thread at rest', () => {
  test(
    verifies('acp.idle', 'has its shell let go of, and the next message attaches to the same agent'),
    async () => {
      const local = await startLocal();
      const client = await connect(local, { args: ['--idle-detach', '200ms'] });
      const session = await client.newSession();
      const first = await client.prompt(session, 'life');
      await letGo(local);
      expect((await client.prompt(session, 'life')).said).toEqual(first.said);
    },
  );

  test(
    verifies(
      ['acp.idle', 'acp.heal'],
      'can lose its microVM to the idle timeout, and the next message has the history',
    ),
    async () => {
      const local = await startLocal({ limits: { idleMs: 300 } });
      const client = await connect(local, { args: [...keepsHistory, '--idle-detach', '200ms'] });
      const session = await client.newSession();
      const { said } = await client.prompt(session, 'life');
      await expect.poll(() => local.sessions().length, { timeout: 20_000 }).toBe(0);
      const next = await client.prompt(session, 'life\ntell history');
      expect(next.said).toHaveLength(2);
      expect(next.said[0]).not.toBe(said[0]);
      expect(next.said[1]).toBe(JSON.stringify(['life']));
    },
  );

  test(
    verifies(
      ['acp.idle', 'host.takeover'],
      'can be used by two bridges in turns: neither leaves for the other',
    ),
    async () => {
      const local = await startLocal();
      const args = ['--idle-detach', '200ms', '--thread', 'two desks'];
      const first = await connect(local, { args });
      const session = await first.newSession();
      const { said } = await first.prompt(session, 'life');
      await letGo(local);
      const second = await connect(local, { args });
      await second.load(session);
      for (const client of [second, first, second, first]) {
        expect((await client.prompt(session, 'life')).said).toEqual(said);
        await letGo(local);
      }
    },
  );

  test(
    verifies(['shell.replaced', 'host.takeover'], 'is taken over from a bridge during a turn, which leaves'),
    async () => {
      const local = await startLocal();
      const args = ['--idle-detach', '200ms', '--thread', 'two desks'];
      const first = await connect(local, { args });
      const [one, other] = [await first.newSession(), await first.newSession()];
      const { said } = await first.prompt(one, 'life');
      await letGo(local);
      const second = await connect(local, { args });
      await second.load(other);
      const turn = second.prompt(other, 'say 1\nwait');
      await second.until(() => second.said(other).length === 1);
      expect((await first.prompt(one, 'life')).said).toEqual(said);
      expect(await second.bridge.exit).toBe(5);
      expect((await turn).answer.error?.data).toMatchObject({ 'agentcore-bridge/code': 'replaced' });
      expect((await first.prompt(one, 'life')).said).toEqual(said);
    },
  );

  test(verifies(['acp.idle'], 'does not include one with an open turn and a silent agent'), async () => {
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

  test(
    verifies(
      ['acp.idle', 'host.takeover'],
      'does not include one whose turn was left open by a bridge that was ended',
    ),
    async () => {
      const local = await startLocal();
      const args = ['--idle-detach', '200ms', '--thread', 'one desk'];
      const first = await connect(local, { args });
      const session = await first.newSession();
      const turn = first.prompt(session, 'say 1\nwait');
      await first.until(() => first.said(session).length === 1);
      first.bridge.signal('SIGTERM');
      expect(await first.bridge.exit).toBe(0);
      await turn;
      const second = await connect(local, { args });
      await second.load(session);
      await passes(600);
      expect(attachedShells(local)).toBe(1);
      second.notify('_test/go', { sessionId: session });
      await letGo(local);
    },
  );

  test(
    verifies(
      ['acp.idle', 'acp.version-2'],
      'does not include one with an open turn of protocol version 2, whose prompt is answered before its end',
    ),
    async () => {
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
    },
  );
});

describe('a microVM that was started only for initialize', () => {
  test(verifies('acp.load', 'is ended if the first session belongs to another microVM'), async () => {
    const local = await startLocal();
    const first = await connect(local);
    const session = await first.newSession();
    first.bridge.endInput();
    await first.bridge.exit;

    const second = await connect(local);
    expect((await second.load(session)).error).toBeUndefined();
    await expect.poll(() => local.sessions().length, { timeout: 10_000 }).toBe(1);
    expect((await second.prompt(session, 'say 1')).said).toEqual(['0']);
  });

  test(verifies('acp.frugal', 'is ended if the agent opens no session'), async () => {
    const local = await startLocal();
    const client = await connect(local, { switches: ['refuses-new'] });
    const params = { cwd: '/home/me/project', mcpServers: [] };
    expect(await client.request('session/new', params)).toMatchObject({ error: { code: -32603 } });
    await expect.poll(() => local.sessions(), { timeout: 10_000 }).toEqual([]);
  });

  test(
    verifies(['acp.frugal', 'acp.login'], 'is the one in which a login is made, and gets the first session'),
    async () => {
      const record = new ServiceRecord();
      const local = await startLocal({ log: record.log });
      const client = await connect(local, { switches: ['needs-login'] });
      const params = { cwd: '/home/me/project', mcpServers: [] };
      for (let n = 0; n < 3; n += 1) {
        expect(await client.request('session/new', params)).toMatchObject({ error: { code: -32000 } });
      }
      await client.result('authenticate', { methodId: 'key' });
      const first = await client.newSession();
      expect(record.begun).toHaveLength(1);
      // Who comes later is told of the login, and of its end.
      const second = await client.newSession();
      await client.result('logout', {});
      expect(await client.request('session/new', params)).toMatchObject({ error: { code: -32000 } });
      for (const session of [first, second]) {
        expect((await client.prompt(session, 'say 1')).said).toEqual(['0']);
      }
    },
  );

  test(verifies('cli.leaves', 'is ended if the client leaves without a session'), async () => {
    const local = await startLocal();
    const client = await connect(local);
    expect(local.sessions()).toHaveLength(1);
    client.bridge.endInput();
    expect(await client.bridge.exit).toBe(0);
    expect(local.sessions()).toEqual([]);
  });
});
