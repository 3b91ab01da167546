import { describe, expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { runtimeArn } from './bridge-process.ts';
import { ServiceRecord } from './service-record.ts';
import { startBridge, startLocal } from './stage.ts';

const permission = 'bedrock-agentcore:InvokeAgentRuntimeCommandShell';

/** How soon a refusal is told, in milliseconds from the start of the process. */
const toldMs = 5000;

describe('a refusal that a retry cannot mend', () => {
  test.each([
    [400, runtimeArn, 'refused'],
    [401, permission, 'refused'],
    [403, permission, 'refused'],
    [404, runtimeArn, 'not-found'],
  ])(
    verifies(
      ['aws.upgrade-refused', 'cli.exit-codes', 'cli.stdout', 'acp.one-answer'],
      'is reported after one try: HTTP %i names %s',
    ),
    async (status, name, code) => {
      const local = await startLocal();
      // A second try would be let in.
      local.faults.refuseUpgrades({ status });
      const since = performance.now();
      const bridge = startBridge(local);
      const open = [
        bridge.ask('initialize', { protocolVersion: 1 }),
        bridge.ask('session/new', { cwd: '/' }),
      ];
      expect(await bridge.exit).toBe(3);
      expect(performance.now() - since).toBeLessThan(toldMs);
      for (const id of open) {
        const { error } = await bridge.answer(id);
        expect(error?.message).toContain(name);
        expect(error?.message).toContain(`HTTP ${status}`);
        expect(error?.data).toMatchObject({ 'agentcore-bridge/code': code });
      }
      expect(bridge.stderr).toMatch(/^agentcore-bridge error: [^\n]*\n$/);
      expect(bridge.stderr).toContain(name);
      expect(local.sessions()).toEqual([]);
    },
  );

  test(
    verifies('aws.upgrade-refused', 'ends a bridge during a turn, and open requests are answered'),
    async () => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log });
      const bridge = startBridge(local);
      await bridge.request('initialize', { protocolVersion: 1 });
      const open = bridge.ask('test/hang');
      local.faults.refuseUpgrades({ status: 403 });
      local.faults.cut('rst');
      expect(await bridge.exit).toBe(3);
      expect((await bridge.answer(open)).error?.message).toContain(permission);
      expect(service.attached).toBe(1);
    },
  );

  test(verifies('aws.upgrade-refused', 'follows keys that the service does not know'), async () => {
    const local = await startLocal();
    const bridge = startBridge(local, { env: { AWS_SECRET_ACCESS_KEY: 'another' } });
    const open = bridge.ask('initialize', { protocolVersion: 1 });
    expect(await bridge.exit).toBe(3);
    expect((await bridge.answer(open)).error?.message).toContain(permission);
  });

  test(verifies('aws.upgrade-refused', 'follows an ARN that the service does not know'), async () => {
    const local = await startLocal({ runtimes: [`${runtimeArn}-of-another-name`] });
    const bridge = startBridge(local);
    const open = bridge.ask('initialize', { protocolVersion: 1 });
    expect(await bridge.exit).toBe(3);
    expect((await bridge.answer(open)).error?.message).toContain(runtimeArn);
  });
});

describe('a transient refusal', () => {
  test.each([402, 408, 409, 424, 429, 500, 503])(
    verifies(['aws.upgrade-busy', 'cli.stdout'], 'is retried: two of HTTP %i, before the first answer'),
    async (status) => {
      const local = await startLocal();
      local.faults.refuseUpgrades({ status, times: 2 });
      const bridge = startBridge(local);
      expect((await bridge.request('initialize', { protocolVersion: 1 })).result).toBeDefined();
      expect(bridge.stderr).toBe('');
    },
  );

  test(verifies('aws.upgrade-busy', 'is retried during a turn, which goes on'), async () => {
    const local = await startLocal();
    const bridge = startBridge(local);
    await bridge.request('initialize', { protocolVersion: 1 });
    const { result: pid } = await bridge.request('test/pid');
    for (const status of [409, 503, 424]) local.faults.refuseUpgrades({ status });
    local.faults.cut(1001);
    expect((await bridge.request('test/pid')).result).toBe(pid);
  });
});

test(
  verifies('aws.region', "AWS_REGION with another Region is no error: the ARN's Region is signed for"),
  async () => {
    const local = await startLocal();
    const env = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'ap-south-1' };
    const bridge = startBridge(local, { env });
    expect((await bridge.request('initialize', { protocolVersion: 1 })).result).toBeDefined();
    expect(bridge.stderr).toBe('');
  },
);

describe('an error of the platform', () => {
  test(verifies('shell.internal-error', 'during a turn is logged, and the turn goes on'), async () => {
    const service = new ServiceRecord();
    const local = await startLocal({ log: service.log });
    const bridge = startBridge(local);
    await bridge.request('initialize', { protocolVersion: 1 });
    const { result: pid } = await bridge.request('test/pid');
    const failure = { status: 'Failure', reason: 'InternalError', message: 'oops', code: 500 };
    expect(local.faults.noise(3, JSON.stringify(failure))).toBe(1);
    expect((await bridge.request('test/pid')).result).toBe(pid);
    expect(bridge.stderr).toMatch(/^agentcore-bridge warn: the service reports an error: [^\n]*\n$/);
    expect(service.attached).toBe(2);
  });
});

describe('a wrong clock', () => {
  test(
    verifies(
      'aws.clock',
      "costs the first request of a process a second try with AWS's time, and is logged once",
    ),
    async () => {
      const service = new ServiceRecord();
      const local = await startLocal({ log: service.log });
      local.faults.skewClock(-3_600_000);
      const bridge = startBridge(local);
      await bridge.request('initialize', { protocolVersion: 1 });
      const opened = [1, 2, 3].map(() => bridge.request('session/new', { cwd: '/', mcpServers: [] }));
      for (const { result } of await Promise.all(opened)) expect(result).toBeDefined();
      expect(bridge.stderr).toBe(
        "agentcore-bridge warn: this machine's clock is 60 minutes ahead of AWS's: signed with AWS's\n",
      );
      expect(service.refused).toBe(1);
      expect(service.attached).toBeGreaterThan(1);
    },
  );

  test(verifies('aws.clock', 'that jumps again is followed during a turn, which goes on'), async () => {
    const local = await startLocal();
    const bridge = startBridge(local);
    await bridge.request('initialize', { protocolVersion: 1 });
    const { result: pid } = await bridge.request('test/pid');
    for (const minutes of [90, 0, -7, -200]) {
      local.faults.skewClock(minutes * 60_000);
      local.faults.cut(1001);
      expect((await bridge.request('test/pid')).result).toBe(pid);
    }
    expect(bridge.stderr.match(/ warn: .* (?:behind|ahead of) AWS's/g)).toHaveLength(3);
  });

  test(verifies('aws.clock', 'is named if the keys are wrong as well'), async () => {
    const local = await startLocal();
    local.faults.skewClock(12 * 60_000);
    const bridge = startBridge(local, { env: { AWS_SECRET_ACCESS_KEY: 'another' } });
    const open = bridge.ask('initialize', { protocolVersion: 1 });
    expect(await bridge.exit).toBe(3);
    expect((await bridge.answer(open)).error?.message).toContain("clock: it is 12 minutes behind AWS's");
  });
});
