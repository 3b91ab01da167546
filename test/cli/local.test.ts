import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { fixture, repository, runtimeArn } from '../e2e/bridge-process.ts';
import { endLater, startBridge } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';

/** Processes of this machine whose command line holds this word. */
function processesWith(word: string): string[] {
  return globSync('/proc/[0-9]*').filter((directory) => {
    try {
      return readFileSync(join(directory, 'cmdline'), 'utf8').includes(word);
    } catch {
      return false;
    }
  });
}

test.each([{ args: [] }, { args: ['--tls', '--host-name', 'agentcore.example', '--bearer-token', 'a.b.c'] }])(
  verifies(
    ['cli.contract', 'cli.environment', 'aws.endpoint-override', 'local.tls'],
    'what `local` with $args prints is all that a bridge needs, and SIGTERM ends `local` and its microVMs',
  ),
  async ({ args }) => {
    const command = [join(repository, 'bin', 'agentcore-bridge.js'), 'local', ...args];
    const local = spawn(process.execPath, command, {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    });
    const exit = once(local, 'exit') as Promise<[number | null]>;
    endLater(async () => {
      local.kill('SIGKILL');
      await exit;
    });
    const exported: Record<string, string> = {};
    for await (const line of createInterface({ input: local.stdout })) {
      const [, name = '', value = ''] = /^export (\w+)='(.*)'$/.exec(line) ?? [];
      if (name !== '') exported[name] = value;
      if (line.includes('arn:aws:bedrock-agentcore:')) break;
    }

    const word = randomUUID();
    const bridge = startBridge(undefined, {
      // The general variable gives way to the one that `local` prints.
      env: { ...exported, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AGENTCORE_RUNTIME_ARN: runtimeArn },
      args: ['--thread', word],
      agent: [...fixture('test-agent.ts'), word],
    });
    expect((await bridge.request('initialize', { protocolVersion: 1 })).result).toBeDefined();
    expect((await bridge.request('test/arguments')).result).toEqual([word]);
    bridge.endInput();
    expect(await bridge.exit).toBe(0);
    expect(processesWith(word)).not.toEqual([]);

    local.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(processesWith(word)).toEqual([]);
    expect(existsSync(`/proc/${local.pid}`)).toBe(false);
  },
);
