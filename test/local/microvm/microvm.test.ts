import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startLocalAgentCore } from '../../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../../src/local/options.ts';
import { verifies } from '../../requirements.ts';
import { newSessionId, open } from '../client.ts';
import { lifeLine } from '../life-line.ts';
import type { LifeLine } from '../life-line.ts';
import { start } from '../start.ts';

const canHaveNamespaces = await startLocalAgentCore().then(async (core) => {
  await core.close();
  return core.isolation === 'namespaces';
});
const isolations = canHaveNamespaces ? (['namespaces', 'directory'] as const) : (['directory'] as const);

async function hungOnALine(): Promise<LifeLine> {
  const line = await lifeLine();
  onTestFinished(line.close);
  return line;
}

/** Ways in which a process leaves its shell. */
const escapes = {
  'in the background': (line: LifeLine) => `(${line.hold}; sleep 1000 <&9) &`,
  'in a session of its own': (line: LifeLine) => `setsid -f bash -c '${line.hold}; sleep 1000'`,
  'without its environment': (line: LifeLine) =>
    `env -i /usr/bin/setsid -f /bin/bash -c '${line.hold}; /bin/sleep 1000'`,
};

describe.each(isolations)('%s', (isolation) => {
  test.each(Object.entries(escapes))(
    verifies(['local.stop', 'local.microvm'], 'eviction ends a process that runs %s'),
    async (_, escape) => {
      const core = await start({ isolation });
      const line = await hungOnALine();
      const client = await open(core, { sessionId: newSessionId() });
      client.type(`${escape(line)}\n`);
      await line.held;
      await core.faults.evict();
      await line.released;
      expect(await client.closed).toMatchObject({ code: 1001 });
      expect(core.sessions()).toEqual([]);
    },
  );

  test(
    verifies('local.microvm', 'HOME and the temporary directory are its own, and removed with it'),
    async () => {
      const core = await start({ isolation });
      const look = 'ls -A "$HOME" "${TMPDIR:-/tmp}" | grep -c mark';
      const [sessionId, other] = [newSessionId(), newSessionId()];
      const client = await open(core, { sessionId });
      await client.run('touch "$HOME/mark" "${TMPDIR:-/tmp}/mark"');
      expect(await client.run(look)).toContain('2');
      expect(await (await open(core, { sessionId: other })).run(look)).toContain('0');
      await core.faults.evict(sessionId);
      expect(await (await open(core, { sessionId })).run(look)).toContain('0');
    },
  );

  test(
    verifies('local.microvm', 'all its processes end with the local AgentCore, even after SIGKILL'),
    async () => {
      const line = await hungOnALine();
      const stateDir = await mkdtemp(join(tmpdir(), 'microvm-test-'));
      const fixture = join(import.meta.dirname, '../../fixtures/local-agentcore.ts');
      const server = spawn(process.execPath, [fixture, JSON.stringify({ isolation, stateDir })], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(async () => {
        server.kill('SIGKILL');
        await rm(stateDir, { recursive: true, force: true });
      });
      const [said] = (await once(server.stdout, 'data')) as [Buffer];
      const client = await open(JSON.parse(said.toString()) as LocalAgentCore, { sessionId: newSessionId() });
      client.type(`${escapes['without its environment'](line)}\n`);
      await line.held;
      server.kill('SIGKILL');
      await expect(line.released).resolves.toBeUndefined();
    },
  );

  test('closing leaves nothing in the temporary directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'microvm-test-'));
    vi.stubEnv('TMPDIR', directory);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(directory, { recursive: true });
    });
    const core = await startLocalAgentCore({ isolation });
    await open(core, { sessionId: newSessionId() });
    expect(await readdir(directory)).not.toEqual([]);
    await core.close();
    expect(await readdir(directory)).toEqual([]);
  });
});

test('without namespaces, auto uses directories, and asking for namespaces is an error with the reason', async () => {
  vi.resetModules();
  const why = new Error('unshare failed: Operation not permitted');
  vi.doMock('../../../src/local/microvm/first-process.ts', () => ({
    startFirstProcess: () => Promise.reject(why),
  }));
  onTestFinished(() => {
    vi.doUnmock('../../../src/local/microvm/first-process.ts');
    vi.resetModules();
  });
  const { chooseMicroVms } = await import('../../../src/local/microvm/choose.ts');
  const stateDir = await mkdtemp(join(tmpdir(), 'microvm-test-'));
  onTestFinished(() => rm(stateDir, { recursive: true }));
  const settings = { stateDir, containerEnv: {}, imagePaths: [] };
  expect(await chooseMicroVms('auto', settings)).toMatchObject({ isolation: 'directory' });
  await expect(chooseMicroVms('namespaces', settings)).rejects.toMatchObject({
    code: 'usage',
    cause: { errors: [why, why] },
  });
});

describe.runIf(canHaveNamespaces)('a microVM that is made of namespaces', () => {
  test(
    verifies(
      'local.microvm',
      'sees only its own processes, and the first one has the environment of the container',
    ),
    async () => {
      const core = await start({ containerEnv: { PATH: '/opt/bin:/usr/bin', TOKEN: 'of the image' } });
      const client = await open(core, { sessionId: newSessionId() });
      expect(await client.run("tr '\\0' '\\n' </proc/1/environ")).toContain('TOKEN=of the image');
      expect(await client.run('echo "[$TOKEN]"; env')).not.toContain('of the image');
      expect((await client.run('ls -d /proc/[0-9]*')).match(/\/proc\/\d+/g)?.length).toBeLessThan(5);
      expect(await client.run('env')).not.toMatch(/^PATH=/m);
    },
  );

  test(
    verifies(
      'local.microvm',
      '/mnt/workspace survives eviction and a restart of the service, for its session only',
    ),
    async () => {
      const stateDir = await mkdtemp(join(tmpdir(), 'microvm-test-'));
      onTestFinished(() => rm(stateDir, { recursive: true, force: true }));
      const sessionId = newSessionId();
      const first = await startLocalAgentCore({ stateDir });
      await (await open(first, { sessionId })).run('echo kept >/mnt/workspace/file; echo lost >/mnt/file');
      await first.faults.evict();
      expect(await (await open(first, { sessionId })).run('cat /mnt/workspace/file; ls /mnt')).toMatch(
        /kept\s+workspace/,
      );
      await first.close();
      const second = await start({ stateDir });
      expect(await (await open(second, { sessionId })).run('cat /mnt/workspace/file')).toContain('kept');
      expect(
        await (await open(second, { sessionId: newSessionId() })).run('ls -A /mnt/workspace'),
      ).not.toContain('file');
    },
  );

  test('its first process reaps orphans', async () => {
    const core = await start({});
    const client = await open(core, { sessionId: newSessionId() });
    const orphan = (
      await client.run("bash -c '(while kill -0 $$ 2>/dev/null; do :; done) & echo $!'")
    ).trim();
    // A zombie would stay.
    expect(await client.run(`while [ -e /proc/${orphan} ]; do :; done; echo buried`)).toContain('buried');
  });

  test('a path below /tmp that belongs to the image stays visible, and no other', async () => {
    const image = await mkdtemp(join(tmpdir(), 'microvm-test-'));
    onTestFinished(() => rm(image, { recursive: true, force: true }));
    await writeFile(join(image, 'agent'), 'here');
    const core = await start({ imagePaths: [image] });
    const client = await open(core, { sessionId: newSessionId() });
    expect(await client.run(`cat ${image}/agent; ls /tmp | wc -l`)).toMatch(/here\s*1/);
  });
});
