import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { childrenOf, membersOfSession, signal } from '../../../src/local/microvm/processes.ts';

test('children and sessions are found whatever a process calls itself, and a signal reports whether it had a receiver', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'processes-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const name = join(directory, 'a) S 1 (b');
  await symlink('/bin/bash', name);
  const leader = spawn(name, ['-c', 'sleep 1000 & echo $!; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [said] = (await once(leader.stdout, 'data')) as [Buffer];
  const child = Number(said);
  const pid = leader.pid ?? 0;
  expect(childrenOf(process.pid)).toContain(pid);
  expect(childrenOf(pid)).toEqual([child]);
  expect(membersOfSession(pid).sort((a, b) => a - b)).toEqual([pid, child].sort((a, b) => a - b));
  const closed = once(leader, 'close');
  expect(membersOfSession(pid).map((member) => signal(member, 'SIGKILL'))).toEqual([true, true]);
  await closed;
  expect(signal(pid, 'SIGKILL')).toBe(false);
});
