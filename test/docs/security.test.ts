import { existsSync, globSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const page = read('docs/security.md');

interface Package {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly license?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> };
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');
const production = installed.filter(([, { dev }]) => dev !== true);

describe('docs/security.md', () => {
  test('names tests that exist', () => {
    const tests = [...page.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
    expect(tests.length).toBeGreaterThan(20);
    expect(tests.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  test('states the number of packages in production, and their licences', () => {
    const licences = Object.groupBy(production, ([, { license = 'none' }]) => license);
    const counts = Object.entries(licences).map(([name, all = []]) => `${name} (${all.length})`);
    expect(page).toContain(`has ${production.length} packages`);
    for (const count of counts) expect(page).toContain(count);
    expect(production.filter(([, { optional }]) => optional)).toHaveLength(7);
  });

  test('has policies that can be pasted, with the actions that the program names', () => {
    const policies = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(
      ([, json = '']) => JSON.parse(json) as { Statement: { Action: string | string[] }[] },
    );
    const sources = globSync('src/aws/*.ts', { cwd: root }).map(read).join('\n');
    const actions = policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action));
    expect(new Set(actions).size).toBe(2);
    for (const action of actions) expect(sources).toContain(action);
  });
});

describe('the installed packages', () => {
  test('each have a checksum in the lock file', () => {
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
  });

  test('run no script in production', () => {
    expect(production.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
  });

  test('are those that package.json asks for', () => {
    const manifest = JSON.parse(read('package.json')) as Record<string, unknown>;
    const locked = lock.packages[''] as Record<string, unknown>;
    for (const kind of ['dependencies', 'optionalDependencies', 'devDependencies']) {
      expect(locked[kind]).toEqual(manifest[kind]);
    }
  });

  test('the image runs as an unprivileged user', () => {
    const [, last = ''] = read('Dockerfile')
      .split(/^FROM .*$/m)
      .slice(1);
    expect(last).toMatch(/^USER node$/m);
  });
});

test('the local AgentCore listens on no other address of this machine than 127.0.0.1', async ({ skip }) => {
  const others = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  if (others.length === 0) skip();
  const core = await startLocalAgentCore({ isolation: 'directory' });
  onTestFinished(() => core.close());
  for (const { address } of others) {
    const refused = await new Promise((resolve) => {
      const socket = createConnection(core.port, address, () => {
        socket.destroy();
        resolve('let in');
      }).on('error', ({ message }) => resolve(message));
    });
    expect(refused).toMatch(/ECONNREFUSED/);
  }
});
