import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { loadPty } from '../../src/local/microvm/pty.ts';
import { lifeLine } from '../local/life-line.ts';
import { fixture, repository } from './bridge-process.ts';
import { endLater } from './stage.ts';

function startDemo(...args: readonly string[]): ChildProcessWithoutNullStreams {
  const demo = spawn(process.execPath, [join(repository, 'examples', 'demo.ts'), ...args]);
  const closed = once(demo, 'close');
  endLater(async () => {
    demo.kill();
    await closed;
  });
  return demo;
}

async function runDemo(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const demo = startDemo(...args);
  const closed = once(demo, 'close');
  const [stdout = '', stderr = ''] = await Promise.all(
    [demo.stdout, demo.stderr].map(async (stream) => (await stream.setEncoding('utf8').toArray()).join('')),
  );
  const [code] = (await closed) as [number];
  return { code, stdout, stderr };
}

describe('the demo', () => {
  test('cuts the network twice, and counts that nothing was lost or doubled', async () => {
    const { code, stdout, stderr } = await runDemo();
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^bot → agent +4 +4 +0 +0 +0$/m);
    expect(stdout).toMatch(/^agent → bot +(\d+) +\1 +0 +0 +0$/m);
    expect(stdout).toContain('The network was cut 2 times. Nothing was lost, and nothing came twice.');
    expect(stdout.match(/connected again/g)).toHaveLength(2);
    expect(stdout).not.toContain('\u001b');
    expect(code).toBe(0);
  });

  test('shows on a terminal what it waits for, and no colours if they are not wanted', async () => {
    const openPty = await loadPty();
    let output = '';
    await new Promise<void>((resolve) => {
      const command = {
        file: process.execPath,
        args: [join(repository, 'examples', 'demo.ts'), '--', ...fixture('test-agent.ts')],
        env: { HOME: '/', PATH: process.env['PATH'] ?? '', NO_COLOR: '1' },
        cwd: repository,
      };
      openPty(command, {
        onOutput: (bytes) => (output += Buffer.from(bytes).toString('latin1')),
        onExit: () => resolve(),
        onDrain: () => undefined,
      });
    });
    expect(output).toMatch(/a microVM starts, and the agent in it \d/);
    expect(output).toContain('end_turn');
    const colours = new RegExp(String.raw`${'\u001b'}\[[\d;]*m`);
    expect(output).not.toMatch(colours);
  });

  test('talks to an installed agent', async () => {
    const { code, stdout } = await runDemo('--', ...fixture('test-agent.ts'));
    expect(stdout).toMatch(/← session\/prompt +end_turn$/m);
    expect(code).toBe(0);
  });

  test('fails when the agent cannot be started, and says why', async () => {
    const { code, stdout, stderr } = await runDemo('--', 'no-such-agent');
    expect(stdout).toContain('the bridge leaves with exit code 6');
    expect(stderr).toMatch(/^The agent could not be started .*no-such-agent: command not found$/m);
    expect(code).toBe(1);
  });

  test("ends the bridge and the microVM's processes when it is interrupted", async () => {
    const life = await lifeLine();
    endLater(async () => life.close());
    const demo = startDemo('--', 'bash', '-c', `${life.hold}; sleep infinity`);
    const exited = once(demo, 'exit');
    demo.stdout.resume();
    await life.held;
    demo.kill('SIGINT');
    await life.released;
    expect(await exited).toEqual([1, null]);
  });

  test('prints its usage for wrong arguments', async () => {
    const { code, stderr } = await runDemo('claude');
    expect(stderr).toContain('npm run demo -- -- CMD…');
    expect(code).toBe(2);
  });
});
