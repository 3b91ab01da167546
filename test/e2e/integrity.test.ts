import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { verifies } from '../requirements.ts';
import type { BridgeProcess, Message } from './bridge-process.ts';
import { appletsOf, imageWith, programOf } from './image.ts';
import { begun, startBridge, startLocal } from './stage.ts';
import { numbersOf, upTo } from './updates.ts';

/** Which agent answers: a new one has another pid. */
async function pidOf(bridge: BridgeProcess): Promise<unknown> {
  return (await bridge.request('test/pid')).result;
}

/** A turn with much to say on both sides: all arrives, once and in order, to and from the same agent. */
async function expectWhole(
  bridge: BridgeProcess,
  pid: unknown,
  { during = () => undefined, seenBefore = 0 }: { during?: () => unknown; seenBefore?: number } = {},
): Promise<void> {
  bridge.take();
  const flood = bridge.ask('test/flood', { count: 500, size: 2000 });
  for (const n of upTo(500)) bridge.notify('test/seq', { n: seenBefore + n, pad: 'é'.repeat(500) });
  during();
  await bridge.answer(flood);
  expect((await bridge.request('test/seen')).result).toEqual({ seen: seenBefore + 500 });
  expect(numbersOf(bridge.take())).toEqual(upTo(500));
  expect(await pidOf(bridge)).toBe(pid);
}

async function meet(
  options: Parameters<typeof startLocal>[0] = {},
): Promise<{ local: LocalAgentCore; bridge: BridgeProcess; pid: unknown }> {
  const local = await startLocal(options);
  const bridge = await begun(startBridge(local, { args: ['--thread', randomUUID()] }));
  return { local, bridge, pid: await pidOf(bridge) };
}

describe('output that the service loses on a live connection', () => {
  test.each([
    ['a frame in twenty', { probability: 0.05, seed: 1 }],
    ['a part of a frame in twenty', { probability: 0.05, seed: 2, cut: true }],
  ] as const)(
    verifies('host.lost-output', 'is asked for again, and comes once and in order: %s'),
    async (_, loss) => {
      const { local, bridge, pid } = await meet();
      local.faults.splitOutput(4000);
      local.faults.dropOutput(loss);
      await expectWhole(bridge, pid);
      local.faults.dropOutput({ frames: 0 });
    },
  );

  test(verifies('host.lost-output', 'is noticed if nothing comes behind it'), async () => {
    const { local, bridge, pid } = await meet();
    local.faults.dropOutput({ frames: 1 });
    expect(await pidOf(bridge)).toBe(pid);
  });

  test(verifies('host.lost-output', 'is not passed over if single bytes of it are lost'), async () => {
    const { local, bridge, pid } = await meet();
    local.faults.splitOutput(1);
    local.faults.dropOutput({ probability: 0.002, seed: 3 });
    bridge.take();
    await bridge.request('test/flood', { count: 20, size: 50 });
    expect(numbersOf(bridge.take())).toEqual(upTo(20));
    expect(await pidOf(bridge)).toBe(pid);
  });
});

describe('output and input that the service doubles', () => {
  test(verifies('host.doubled', 'arrive once'), async () => {
    const { local, bridge, pid } = await meet();
    local.faults.double('in', { probability: 0.2, seed: 4 });
    local.faults.double('out', { probability: 0.2, seed: 5 });
    await expectWhole(bridge, pid);
  });
});

describe('input that the service loses', () => {
  test.each([
    ['a frame in ten', { probability: 0.1, seed: 6 }],
    ['a part of a frame in ten', { probability: 0.1, seed: 7, cut: true }],
    ['a few bytes', { afterBytes: 100_000, bytes: 100 }],
  ] as const)(
    verifies('host.lost-input', 'is sent again, to the same agent, which gets no cut line: %s'),
    async (_, loss) => {
      const { local, bridge, pid } = await meet();
      local.faults.dropInput(loss);
      await expectWhole(bridge, pid);
    },
  );

  test(verifies('host.lost-input', 'is noticed if nothing is sent behind it'), async () => {
    const { local, bridge, pid } = await meet();
    local.faults.dropInput({ frames: 1 });
    expect(await pidOf(bridge)).toBe(pid);
  });
});

describe('input that the service delivers late', () => {
  test.each([
    ['all of it behind the first frame of the next connection', { behindFrames: 1 }],
    ['between the frames of the next connection', { interleaved: true }],
    ['twice', { behindFrames: 2, doubled: true }],
  ] as const)(verifies('host.late-input', 'never reaches the agent: %s'), async (_, late) => {
    const { local, bridge, pid } = await meet();
    local.faults.lateInput({ frames: 3, how: 'rst', ...late });
    await expectWhole(bridge, pid);
    local.faults.lateInput({ frames: 3, how: 'rst', ...late });
    await expectWhole(bridge, pid, { seenBefore: 500 });
  });

  test(verifies('host.late-input', 'of a bridge that is gone does not reach the agent again'), async () => {
    const local = await startLocal();
    const args = ['--thread', randomUUID()];
    const first = await begun(startBridge(local, { args }));
    const pid = await pidOf(first);
    local.faults.lateInput({ frames: 1, how: 'rst', behindFrames: 3 });
    first.notify('test/seq', { n: 0 });
    expect((await first.request('test/seen')).result).toEqual({ seen: 1 });
    first.signal('SIGKILL');
    await first.exit;
    const second = startBridge(local, { args });
    await expectWhole(second, pid, { seenBefore: 1 });
  });
});

describe('frames that the service holds back', () => {
  test(verifies('host.exactly-once', 'arrive once and in order, in both directions'), async () => {
    const { local, bridge, pid } = await meet();
    local.faults.delay('in', { probability: 0.1, seed: 8, milliseconds: 100 });
    local.faults.delay('out', { probability: 0.1, seed: 9, milliseconds: 100 });
    await expectWhole(bridge, pid, { during: () => local.faults.cut('rst') });
  });
});

describe('all these faults at once', () => {
  test(verifies('host.exactly-once', 'cause no loss, double or reordering, and end no agent'), async () => {
    const { local, bridge, pid } = await meet();
    local.faults.dropInput({ probability: 0.05, seed: 10 });
    local.faults.dropOutput({ probability: 0.05, seed: 11, cut: true });
    local.faults.double('in', { probability: 0.05, seed: 12 });
    local.faults.double('out', { probability: 0.05, seed: 13 });
    for (const [turn, how] of (['rst', 'fin', 1001] as const).entries()) {
      local.faults.lateInput({ frames: 2, how, behindFrames: 1 });
      await expectWhole(bridge, pid, { during: () => local.faults.cut(how), seenBefore: 500 * turn });
    }
  });
});

const busybox = await programOf('busybox');

describe('an image without perl', () => {
  test(
    verifies(
      ['host.exactly-once', 'host.fallbacks'],
      'has its lines numbered by awk: a lossy service loses, doubles and reorders nothing either',
    ),
    async ({ skip }) => {
      if (busybox === undefined) {
        skip('needs busybox on the PATH (Debian package busybox)');
        return;
      }
      const tools = { ...appletsOf(busybox), bash: '/bin/bash' };
      const { local, bridge, pid } = await meet(await imageWith(tools));
      local.faults.dropInput({ probability: 0.05, seed: 20 });
      local.faults.dropOutput({ probability: 0.05, seed: 21, cut: true });
      local.faults.double('in', { probability: 0.05, seed: 22 });
      local.faults.double('out', { probability: 0.05, seed: 23 });
      local.faults.lateInput({ frames: 2, how: 'rst', behindFrames: 1 });
      await expectWhole(bridge, pid, { during: () => local.faults.cut('fin') });
    },
  );
});

describe('the confirmation', () => {
  const readings = ['first', 'after-output', 'late', 'twice', 'never', 'without-reconnected'] as const;
  test.each(readings)(
    verifies(
      ['shell.confirmation', 'host.exactly-once'],
      'makes no difference, at a start and at an attach: %s',
    ),
    async (confirmation) => {
      const { local, bridge, pid } = await meet({ readings: { confirmation } });
      const answers: Message[] = [];
      for (const how of ['rst', 1001] as const) {
        local.faults.cut(how);
        answers.push(await bridge.request('test/pid'));
      }
      expect(answers.map(({ result }) => result)).toEqual([pid, pid]);
      expect(bridge.stderr).not.toContain('not what was sent');
    },
  );

  test(verifies('shell.confirmation', 'is not waited for, at a start or at an attach'), async () => {
    const { local, bridge, pid } = await meet({
      readings: { confirmation: 'late', confirmationDelayMs: 3_600_000 },
    });
    local.faults.cut('rst');
    expect(await pidOf(bridge)).toBe(pid);
  });
});
