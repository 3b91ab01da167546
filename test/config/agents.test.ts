import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { afterEach, describe, expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { agentNames, agentOf, type AgentPreset, agents } from '../../src/config/agents.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { bridgeSettings } from '../../src/config/settings.ts';

const chosen = { env: {}, persist: [] };

describe(verifies('cli.presets', 'the agent'), () => {
  test('is Kiro by default', () => {
    expect(agentOf(chosen)).toEqual(agentOf({ ...chosen, agent: 'kiro' }));
    expect(agentOf(chosen).command).toMatch(/^kiro-cli acp --trust-all-tools$/m);
  });

  test('is only the command, if no preset is named', () => {
    expect(agentOf({ command: 'my-agent', env: { A: '1' }, persist: ['.a', '.b', '.a'] })).toEqual({
      command: 'my-agent',
      env: { A: '1' },
      persist: ['.a', '.b'],
    });
  });

  test('is the command with what the preset prepares and saves, if both are given', () => {
    const { command, persist } = agentOf({ ...chosen, agent: 'claude', command: 'my-claude --debug' });
    expect(command).toMatch(/IS_SANDBOX=1\nmy-claude --debug$/);
    expect(persist).toEqual(agents.claude.persist);
  });

  test('is assumed to offer what the preset lists, also with another command', () => {
    expect(agentOf({ ...chosen, agent: 'gemini', command: 'my-gemini' }).capabilities).toEqual({
      loadSession: true,
      promptCapabilities: { image: true, audio: true, embeddedContext: true },
      mcpCapabilities: { http: true, sse: true },
    });
    expect(agentOf({ ...chosen, command: 'my-agent' }).capabilities).toBeUndefined();
    expect(agentOf(chosen).capabilities).toBeUndefined();
  });

  test("has the preset's environment, which the user's overrides, and saves the paths of both", () => {
    const agent = agentOf({ agent: 'copilot', env: { A: '1' }, persist: ['.a', '.copilot'] });
    expect(agent).toMatchObject({
      env: { A: '1', COPILOT_AUTO_UPDATE: 'false' },
      persist: ['.copilot', '.a'],
    });
    const env = { COPILOT_AUTO_UPDATE: 'true' };
    expect(agentOf({ ...chosen, agent: 'copilot', env }).env).toEqual(env);
  });
});

describe.each(agentNames)('the preset %s', (name) => {
  const preset: AgentPreset = agents[name];

  test('is valid bash', () => {
    execFileSync('/bin/bash', ['-n'], { input: agentOf({ ...chosen, agent: name }).command });
  });

  test('saves paths that a user could name', () => {
    const given = { runtimeArn: 'arn', persist: [...preset.persist] };
    expect(readConfig(bridgeSettings, given, {}).persist).toEqual(preset.persist);
  });
});

describe("the preset's preparation", () => {
  let home: string | undefined;
  afterEach(() => home !== undefined && rmSync(home, { recursive: true }));

  /** Runs an agent, which is `command` here, in a HOME with these files. */
  function run(agent: (typeof agentNames)[number], command: string, files: readonly string[]): string {
    home = mkdtempSync(join(tmpdir(), 'agents-'));
    for (const file of files) {
      mkdirSync(dirname(join(home, file)), { recursive: true });
      writeFileSync(join(home, file), '');
    }
    const env = { HOME: home, PATH: process.env['PATH'] };
    return execFileSync('/bin/bash', ['--norc', '-c', agentOf({ ...chosen, agent, command }).command], {
      env,
    }).toString();
  }

  const filesOf = (): readonly string[] =>
    readdirSync(home ?? '', { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .toSorted();

  test('for Claude tells root, and no other user, that this is a sandbox', () => {
    const isRoot = process.getuid?.() === 0;
    expect(run('claude', 'echo "<$IS_SANDBOX>"', [])).toBe(isRoot ? '<1>\n' : '<>\n');
    const [prepare = ''] = agentOf({ ...chosen, agent: 'claude' }).command.split('\n');
    // EUID can't be set: another variable stands in for it.
    const asNobody = `NOBODY=65534; ${prepare.replace('EUID', 'NOBODY')}; echo "<$IS_SANDBOX>"`;
    expect(execFileSync('/bin/bash', ['--norc', '-c', asNobody], { env: {} }).toString()).toBe('<>\n');
  });

  test.each([
    ['kiro', '.kiro/sessions/cli/1.jsonl', '.kiro/sessions/cli/1.lock'],
    ['copilot', '.copilot/session-state/1/events.jsonl', '.copilot/session-state/1/inuse.17.lock'],
  ] as const)('for %s removes stale locks, and does not fail without any', (agent, log, lock) => {
    expect(run(agent, 'echo started', [log, lock])).toBe('started\n');
    expect(filesOf()).toEqual([log.replace(/.*\//, '')]);
    expect(run(agent, 'echo started', [])).toBe('started\n');
  });
});
