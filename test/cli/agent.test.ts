import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { shellWords } from '../../src/cli/shell-words.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { fixture, repository } from '../e2e/bridge-process.ts';
import { startBridge, startLocal } from '../e2e/stage.ts';

/** The image's own programs. */
let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'image-'));
});
afterEach(() => {
  rmSync(bin, { recursive: true });
});

/** A local AgentCore whose image has a program by this name: the test agent, which knows its arguments from `ARGUMENTS`. */
async function startLocalWith(program: string): Promise<LocalAgentCore> {
  const file = join(bin, program);
  const start = shellWords(fixture('test-agent.ts'));
  writeFileSync(file, `#!/bin/bash\nARGUMENTS="$*" exec ${start}\n`);
  chmodSync(file, 0o755);
  return startLocal({
    imagePaths: [repository, bin],
    containerEnv: { PATH: `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}` },
  });
}

/** The environment that the agent has. */
async function environmentOf(
  local: LocalAgentCore,
  options: NonNullable<Parameters<typeof startBridge>[1]>,
): Promise<Record<string, string>> {
  const args = ['--thread', 'one', ...(options.args ?? [])];
  const bridge = startBridge(local, { ...options, args });
  await bridge.request('initialize', { protocolVersion: 1 });
  const { result } = await bridge.request('test/env');
  return result as Record<string, string>;
}

test('the agent is Kiro by default', async () => {
  const environment = await environmentOf(await startLocalWith('kiro-cli'), { agent: [] });
  expect(environment['ARGUMENTS']).toBe('acp --trust-all-tools');
});

test('a preset starts its agent with its environment, which --env overrides', async () => {
  const local = await startLocalWith('copilot');
  expect(await environmentOf(local, { agent: [], args: ['--agent', 'copilot'] })).toMatchObject({
    ARGUMENTS: '--acp --stdio',
    COPILOT_AUTO_UPDATE: 'false',
  });
});

test('what a preset prepares also applies to the words behind --', async () => {
  const environment = await environmentOf(await startLocal(), {
    env: { AGENTCORE_AGENT: 'claude', AGENTCORE_AGENT_COMMAND: 'not-this-one' },
  });
  // Root in the microVM is whoever is root here.
  expect(environment['IS_SANDBOX']).toBe(process.getuid?.() === 0 ? '1' : undefined);
});
