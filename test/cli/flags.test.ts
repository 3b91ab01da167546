import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addFlags, givenFlags } from '../../src/cli/flags.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { bridgeSettings } from '../../src/config/settings.ts';

function read(args: readonly string[], env: Record<string, string> = {}) {
  const command = new Command();
  addFlags(command, bridgeSettings);
  command.parse(['--runtime-arn', 'arn', ...args], { from: 'user' });
  return readConfig(bridgeSettings, givenFlags(command, bridgeSettings), env);
}

describe('the flags', () => {
  test('without a value give true if they are given, and nothing otherwise', () => {
    const names = ['--no-progress', '--client-fs', '--client-terminal'];
    expect(read(names)).toMatchObject({ progress: false, clientFs: true, clientTerminal: true });
    expect(read([])).toMatchObject({ progress: true, clientFs: false, clientTerminal: false });
    expect(read([], { AGENTCORE_NO_PROGRESS: '1' }).progress).toBe(false);
    expect(read(['--no-progress'], { AGENTCORE_NO_PROGRESS: '0' }).progress).toBe(false);
  });

  test('that can be repeated come in their order', () => {
    const args = ['--persist', '.b', '--persist', '.a', '--map', '/a=/b', '--env', 'A=1', '--map', '/c=/d'];
    expect(read(args)).toMatchObject({
      persist: ['.b', '.a'],
      map: [
        { local: '/a', remote: '/b' },
        { local: '/c', remote: '/d' },
      ],
      env: { A: '1' },
    });
  });

  test('reach settings that have other names', () => {
    const args = ['--initialize-timeout', '1s', '--cancel-grace', '2s', '--idle-detach=0'];
    expect(read(args)).toMatchObject({ initializeTimeoutMs: 1_000, cancelGraceMs: 2_000, idleDetachMs: 0 });
    expect(read(['--shell-command', 'one']).command).toBe('one');
    expect(read(['--shell-command', 'one', '--command', 'two']).command).toBe('two');
  });
});
