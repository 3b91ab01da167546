import { execFileSync, spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import type { LocalAgentCoreOptions } from '../../src/local/options.ts';
import { repository } from './bridge-process.ts';
import { endLater } from './stage.ts';

/** Options of a local AgentCore whose microVMs have these tools on their PATH, by their name or under another, and no others. */
export async function imageWith(
  tools: Readonly<Record<string, string>>,
): Promise<Pick<LocalAgentCoreOptions, 'containerEnv' | 'imagePaths' | 'shellCommand'>> {
  const directory = await mkdtemp(join(tmpdir(), 'agentcore-image-'));
  endLater(() => rm(directory, { recursive: true }));
  for (const [name, file] of Object.entries(tools)) await symlink(file, join(directory, name));
  const bash = join(directory, 'bash');
  return {
    containerEnv: { PATH: directory },
    imagePaths: [repository, directory],
    shellCommand: ['/usr/bin/env', '-i', `PATH=${directory}`, bash],
  };
}

/** Where this machine has a program; undefined where it has none. */
export async function programOf(name: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(directory, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}

/** A command that runs a shell where nothing at the usual places of bash can be run. In a mount namespace, see {@link canHideBash}. */
export function withoutBash(shell: string): [string, ...string[]] {
  const hide = 'for f in /bin/bash /usr/bin/bash; do [ ! -e $f ] || mount --bind /dev/null $f; done';
  return [
    '/usr/bin/unshare',
    '--user',
    '--map-root-user',
    '--mount',
    '/bin/sh',
    '-c',
    `${hide}; exec ${shell}`,
  ];
}

/** Whether this machine lets us do that. */
export function canHideBash(): boolean {
  const [file, ...args] = withoutBash('test ! -x /bin/bash');
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0;
}

/** What the multi-call program can be, each as a link to it. */
export function appletsOf(busybox: string): Record<string, string> {
  const names = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  return Object.fromEntries(names.map((name) => [name, busybox]));
}
