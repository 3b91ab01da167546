import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { verifies } from '../requirements.ts';
import type { BridgeProcess } from './bridge-process.ts';
import { ServiceRecord } from './service-record.ts';
import { begun, startBridge, startLocal } from './stage.ts';
import { numbersOf, upTo } from './updates.ts';

/** What is promised, in milliseconds. */
const leavingMs = 1000;

const ways = {
  'the end of input': (bridge: BridgeProcess) => bridge.endInput(),
  SIGTERM: (bridge: BridgeProcess) => bridge.signal('SIGTERM'),
  SIGINT: (bridge: BridgeProcess) => bridge.signal('SIGINT'),
};
const wayNames = Object.keys(ways) as (keyof typeof ways)[];

/** Sends the bridge away. Resolves to its exit code and how long it took. */
async function leave(
  bridge: BridgeProcess,
  way: keyof typeof ways,
): Promise<{ code: number | null; ms: number }> {
  const since = performance.now();
  ways[way](bridge);
  const code = await bridge.exit;
  return { code, ms: performance.now() - since };
}

/** The channels of the frames that the clients send from now on. */
function channelsSent(local: LocalAgentCore): ReadonlySet<number> {
  const channels = new Set<number>();
  local.faults.onFrame(({ direction, channel }) => {
    if (direction === 'in') channels.add(channel);
  });
  return channels;
}

describe('a bridge that leaves', () => {
  test.each(wayNames)(
    verifies(
      ['cli.leaves', 'cli.exit-codes', 'cli.stdout', 'shell.no-close-frame', 'host.outlives-shell'],
      'at %s answers open requests, ends within a second with exit code 0, and leaves the agent running',
    ),
    async (way) => {
      const local = await startLocal();
      const channels = channelsSent(local);
      const args = ['--thread', randomUUID()];
      const first = await begun(startBridge(local, { args }));
      const { result: pid } = await first.request('test/pid');
      const open = first.ask('test/hang');
      const { code, ms } = await leave(first, way);
      expect(code).toBe(0);
      expect(ms).toBeLessThan(leavingMs);
      expect(first.stderr).toBe('');
      expect((await first.answer(open)).error).toMatchObject({ code: -32800 });

      const second = await begun(startBridge(local, { args }));
      expect((await second.request('test/pid')).result).toBe(pid);
      expect([...channels]).toEqual([0]);
    },
  );

  test.each(wayNames)(
    verifies(
      ['cli.leaves', 'host.takeover'],
      'at %s while the agent floods a client that does not read ends within a second, and nothing is lost',
    ),
    async (way) => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log, limits: { writeBufferBytes: 64 * 1024 } });
      const args = ['--thread', randomUUID()];
      const first = await begun(startBridge(local, { args }));
      first.child.stdout?.pause();
      first.ask('test/flood', { count: 10_000, size: 5000 });
      await service.closedWith(1008);
      const leaving = leave(first, way);
      first.child.once('exit', () => first.child.stdout?.resume());
      const { code, ms } = await leaving;
      expect(code).toBe(0);
      expect(ms).toBeLessThan(leavingMs);

      const second = await begun(startBridge(local, { args }));
      await second.until(() => second.lines.some((line) => line.includes('"n":9999,')));
      expect([...numbersOf(first.take()), ...numbersOf(second.take())]).toEqual(upTo(10_000));
    },
  );

  test.each(wayNames)(
    verifies(['cli.leaves', 'cli.exit-codes'], 'at %s does not wait for a microVM that is being started'),
    async (way) => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log });
      local.faults.delayUpgrades(60_000);
      const bridge = startBridge(local, { args: ['--log-level', 'debug'] });
      const open = bridge.ask('initialize', { protocolVersion: 1 });
      // The request is read, and the upgrade is under way, once the service has its session.
      await expect.poll(() => local.sessions().length).toBe(1);
      const { code, ms } = await leave(bridge, way);
      expect(code).toBe(0);
      expect(ms).toBeLessThan(leavingMs);
      expect((await bridge.answer(open)).error).toMatchObject({ code: -32800 });
      expect(service.attached).toBe(0);
    },
  );

  test(verifies('cli.leaves', 'without a request has connected to nothing'), async () => {
    const local = await startLocal();
    const bridge = startBridge(local);
    bridge.endInput();
    expect(await bridge.exit).toBe(0);
    expect(local.sessions()).toEqual([]);
  });

  test(verifies('cli.leaves', 'at the end of input delivers the messages right before it'), async () => {
    const local = await startLocal();
    const args = ['--thread', randomUUID()];
    const first = await begun(startBridge(local, { args }));
    for (const n of upTo(100)) first.notify('test/seq', { n, pad: 'x'.repeat(1000) });
    const { code } = await leave(first, 'the end of input');
    expect(code).toBe(0);

    const second = await begun(startBridge(local, { args }));
    expect((await second.request('test/seen')).result).toEqual({ seen: 100 });
  });

  test(
    verifies(
      ['cli.leaves', 'cli.exit-codes', 'shell.no-close-frame'],
      'because its reader is gone ends with exit code 0',
    ),
    async () => {
      const local = await startLocal();
      const channels = channelsSent(local);
      const bridge = await begun(startBridge(local));
      bridge.child.stdout?.destroy();
      bridge.ask('test/flood', { count: 1000, size: 1000 });
      expect(await bridge.exit).toBe(0);
      expect(bridge.stderr).toBe('');
      expect([...channels]).toEqual([0]);
    },
  );
});

describe('a bridge whose thread another bridge takes over', () => {
  test(
    verifies(
      ['shell.replaced', 'cli.exit-codes', 'cli.stdout', 'shell.no-close-frame'],
      'answers open requests, says so in one line, ends with exit code 5, and does not attach again',
    ),
    async () => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log });
      const channels = channelsSent(local);
      const args = ['--thread', randomUUID()];
      const first = await begun(startBridge(local, { args }));
      const { result: pid } = await first.request('test/pid');
      const open = first.ask('test/hang');
      const second = await begun(startBridge(local, { args }));
      expect(await first.exit).toBe(5);
      expect((await first.answer(open)).error?.data).toMatchObject({ 'agentcore-bridge/code': 'replaced' });
      expect(first.stderr).toMatch(/^agentcore-bridge error: [^\n]*another client[^\n]*\n$/i);
      expect((await second.request('test/pid')).result).toBe(pid);
      expect(service.attached).toBe(2);
      expect([...channels]).toEqual([0]);
    },
  );
});
