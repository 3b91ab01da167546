import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import type { Message } from './bridge-process.ts';
import { startBridge, startLocal } from './stage.ts';

const numbersOf = (messages: readonly Message[]): number[] =>
  messages.filter(({ method }) => method === 'session/update').map(({ params }) => Number(params?.['n']));

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** When a checkpoint has left at the latest: it is due in 10 ms, and the machine may have more to do. */
const onRecordMs = 50;

describe('a two-way flood', () => {
  test.each(['undelivered', 'recent'] as const)(
    verifies(
      ['host.exactly-once', 'shell.close-codes'],
      'survives 50 random cuts whole and in order, with a replay of %s output',
    ),
    async (replay) => {
      const local = await startLocal({ readings: { replay } });
      const bridge = startBridge(local);
      await bridge.request('initialize', { protocolVersion: 1 });
      const hows = ['rst', 'fin', 1001, 1008, 1011] as const;
      local.faults.loseInFlight({ input: 4096, output: 20_000 });
      const expected: number[] = [];
      let said = 0;
      for (let cuts = 0; cuts < 50;) {
        const flood = bridge.ask('test/flood', { count: 200, size: 5000 });
        expected.push(...upTo(200));
        for (let n = 0; n < 40; n += 1) {
          bridge.notify('test/seq', { n: said, pad: 'x'.repeat(n * 50) });
          said += 1;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        cuts += local.faults.cut(hows[cuts % hows.length] ?? 'rst');
        // A connection that breaks before it was of use, again and again, would be backed off.
        await bridge.answer(flood);
      }
      const { result } = await bridge.request('test/seen');
      expect(result).toEqual({ seen: said });
      expect(numbersOf(bridge.take())).toEqual(expected);
    },
    240_000,
  );
});

describe('a bridge that is killed during a turn', () => {
  test(
    verifies(
      ['host.takeover', 'host.outlives-shell'],
      'is followed by one that finds the same agent and goes on at most 50 ms before its end',
    ),
    async () => {
      const local = await startLocal();
      const args = ['--thread', randomUUID()];
      const first = startBridge(local, { args });
      await first.request('initialize', { protocolVersion: 1 });
      const { result: pid } = await first.request('test/pid');
      const reads: { at: number; lines: number }[] = [];
      first.child.stdout?.on('data', () => reads.push({ at: performance.now(), lines: first.lines.length }));
      first.ask('test/flood', { count: 10_000, size: 200, pauseEvery: 20 });
      await first.until(() => first.lines.length > 500);
      first.signal('SIGKILL');
      const killedAt = performance.now();
      await first.exit;

      const second = startBridge(local, { args });
      const again = await second.request('test/pid');
      expect(again.result).toBe(pid);
      await second.until(() => second.lines.some((line) => line.includes('"n":9999,')));
      const before = numbersOf(first.take());
      const after = numbersOf(second.take());
      expect(before).toEqual(upTo(before.length));
      // Nothing is lost. What it wrote right before its end, it could not put on record: that alone comes twice.
      const [from = 0] = after;
      expect(after).toEqual(upTo(10_000).slice(from));
      expect(from).toBeLessThanOrEqual(before.length);
      const answers = first.lines.length - before.length;
      const lastOnRecord = reads.findLast(({ at }) => at < killedAt - onRecordMs)?.lines ?? 0;
      expect(from).toBeGreaterThanOrEqual(lastOnRecord - answers);
    },
  );
});
