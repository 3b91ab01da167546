import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { verifies } from '../requirements.ts';
import type { BridgeProcess } from './bridge-process.ts';
import { ServiceRecord } from './service-record.ts';
import { begun, startBridge, startLocal } from './stage.ts';
import { numbersOf, upTo } from './updates.ts';

const megabyte = 1024 * 1024;

/** Lines of the test agent's numbered notification, each of about this many bytes. */
function numbered(from: number, sizes: readonly number[]): string {
  return sizes
    .map((size, index) =>
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'test/seq',
        params: { n: from + index, pad: 'x'.repeat(size) },
      }),
    )
    .join('\n');
}

/** Resolves when so many bytes crossed in this direction, from now on. */
function crossed(local: LocalAgentCore, direction: 'in' | 'out', bytes: number): Promise<void> {
  return new Promise((resolve) => {
    let left = bytes;
    const stop = local.faults.onFrame((frame) => {
      if (frame.direction !== direction) return;
      left -= frame.bytes;
      if (left > 0) return;
      stop();
      resolve();
    });
  });
}

/** What Linux says of a process's memory, in bytes. `VmHWM` is the most that `VmRSS` ever was. */
async function memoryOf({ child }: BridgeProcess, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  return Number(kilobytes) * 1024;
}

describe('an upload of 30 MB', () => {
  test(
    verifies(
      ['shell.frame-rate', 'shell.frame-limit'],
      'in many small and some large messages stays within 64 KB a frame and 250 frames a second',
    ),
    async () => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log });
      const bridge = await begun(startBridge(local));
      const arrivals: number[] = [];
      let largest = 0;
      local.faults.onFrame(({ direction, bytes, at }) => {
        if (direction !== 'in') return;
        arrivals.push(at);
        largest = Math.max(largest, bytes);
      });
      const trickle = upTo(2000).map(() => 100);
      for (const [n, size] of trickle.entries()) {
        bridge.write(numbered(n, [size]));
        // A thousand a second: what comes together shares frames, and there would be too few of them.
        await setTimeout(1);
      }
      const bulk = upTo(10_004).map((n) => (n % 2501 === 2500 ? 5 * megabyte : 1000));
      bridge.write(numbered(trickle.length, bulk));
      expect((await bridge.request('test/seen')).result).toEqual({ seen: trickle.length + bulk.length });
      expect(largest).toBeLessThanOrEqual(64 * 1024);
      // From each frame to the 250th behind it, more than a second passes.
      const spans = arrivals.slice(250).map((at, index) => at - (arrivals[index] ?? 0));
      expect(Math.min(...spans)).toBeGreaterThan(1000);
      expect(service.closeCodes.filter((code) => [1008, 1009].includes(code))).toEqual([]);
    },
  );
});

describe('a client that stops reading', () => {
  const count = 40_000;
  const floodBytes = count * 5000;

  /** Resolves when the pause has reached the service, however long that takes. */
  const reached = {
    'waits for it': (local: LocalAgentCore) => crossed(local, 'out', floodBytes),
    'drops it with 1008': (_: LocalAgentCore, service: ServiceRecord) => service.closedWith(1008),
  };

  test.each([
    ['waits for it', 1024 * megabyte],
    ['drops it with 1008', megabyte],
  ] as const)(
    verifies(
      'cli.slow-reader',
      'costs at most 64 MB and loses nothing of a flood of 200 MB when the service %s',
    ),
    async (theService, writeBufferBytes) => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log, limits: { writeBufferBytes } });
      const bridge = await begun(startBridge(local));
      const idle = await memoryOf(bridge, 'VmRSS');
      bridge.child.stdout?.pause();
      const isReached = reached[theService](local, service);
      const flood = bridge.ask('test/flood', { count, size: 5000 });
      await isReached;
      expect((await memoryOf(bridge, 'VmHWM')) - idle).toBeLessThan(64 * megabyte);
      bridge.child.stdout?.resume();
      await bridge.answer(flood);
      expect(numbersOf(bridge.take())).toEqual(upTo(count));
    },
    120_000,
  );
});

describe('a client that writes but does not read', () => {
  test.each(['rst', 1001] as const)(
    verifies('cli.slow-reader', 'has its messages delivered, although the connection ends meanwhile (%s)'),
    async (how) => {
      const local = await startLocal({ limits: { writeBufferBytes: 1024 * megabyte } });
      const bridge = await begun(startBridge(local));
      bridge.child.stdout?.pause();
      // More than fits between the service and the client.
      const isStalled = crossed(local, 'out', 30 * megabyte);
      const flood = bridge.ask('test/flood', { count: 10_000, size: 5000 });
      await isStalled;
      local.faults.cut(how);
      const isDelivered = crossed(local, 'in', 8 * megabyte);
      bridge.write(
        numbered(
          0,
          upTo(8).map(() => megabyte),
        ),
      );
      await isDelivered;
      bridge.child.stdout?.resume();
      await bridge.answer(flood);
      expect((await bridge.request('test/seen')).result).toEqual({ seen: 8 });
      expect(numbersOf(bridge.take())).toEqual(upTo(10_000));
    },
  );
});

describe('session/cancel', () => {
  test(
    verifies('acp.cancel-overtakes', 'takes back a prompt during its upload, although no byte can be sent'),
    async () => {
      const local = await startLocal();
      const bridge = await begun(startBridge(local, { args: ['--thread', 'k'] }));
      const underWay = crossed(local, 'in', megabyte);
      // More than the kernel's buffers hold for a service that does not read.
      const prompt = bridge.ask('session/prompt', { sessionId: 's', text: 'x'.repeat(40 * megabyte) });
      await underWay;
      local.faults.blackhole(true);
      bridge.notify('session/cancel', { sessionId: 's' });
      expect((await bridge.answer(prompt)).result).toEqual({ stopReason: 'cancelled' });
      local.faults.blackhole(false);
      expect((await bridge.request('test/prompts')).result).toBe(0);
      expect((await bridge.request('session/prompt', { sessionId: 's' })).result).toEqual({
        stopReason: 'end_turn',
      });
    },
  );

  test(
    verifies('acp.cancel-overtakes', 'reaches an agent during a turn before the messages that wait'),
    async () => {
      const local = await startLocal();
      const bridge = await begun(startBridge(local, { args: ['--thread', 'k'] }));
      const prompt = bridge.ask('session/prompt', { sessionId: 's', untilCancelled: true });
      const queued = upTo(30).map(() => megabyte);
      bridge.write(numbered(0, queued));
      bridge.notify('session/cancel', { sessionId: 's' });
      const { result } = await bridge.answer(prompt);
      expect(result).toMatchObject({ stopReason: 'cancelled' });
      expect((result as { seen: number }).seen).toBeLessThan(queued.length);
      expect((await bridge.request('test/seen')).result).toEqual({ seen: queued.length });
    },
  );
});
