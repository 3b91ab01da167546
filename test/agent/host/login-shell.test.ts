import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canHideBash, programOf, withoutBash } from '../../e2e/image.ts';
import { verifies } from '../../requirements.ts';
import type { PtyShellOptions } from '../pty-shell.ts';
import { attach, startMicroVm } from '../stage.ts';

type Command = NonNullable<PtyShellOptions['shell']>;

const busybox = await programOf('busybox');
const zsh = await programOf('zsh');

/** What may be in the PTY at first; `files` are put under HOME. `shell` is undefined where this machine lacks it. */
const shells: readonly {
  readonly name: string;
  readonly shell: Command | undefined;
  readonly files?: Readonly<Record<string, string>>;
}[] = [
  { name: '/bin/sh', shell: ['/bin/sh'] },
  { name: '/bin/sh as a login shell', shell: ['/bin/sh', '-l'] },
  { name: 'bash whose start-up file runs "exec sh"', shell: ['/bin/bash'], files: { '.bashrc': 'exec sh' } },
  {
    name: 'bash whose start-up file runs "exec bash --norc"',
    shell: ['/bin/bash'],
    files: { '.bashrc': 'exec bash --norc' },
  },
  {
    name: 'bash as a login shell whose profile runs "exec sh -l"',
    shell: ['/bin/bash', '-l'],
    files: { '.bash_profile': 'exec sh -l' },
  },
  { name: 'bash with vi keys', shell: ['/bin/bash'], files: { '.bashrc': 'set -o vi' } },
  { name: 'bash in POSIX mode', shell: ['/bin/bash', '--posix'] },
  { name: 'ash of busybox', shell: busybox === undefined ? undefined : [busybox, 'sh'] },
  {
    name: 'bash whose start-up file runs ash of busybox',
    shell: busybox === undefined ? undefined : ['/bin/bash'],
    files: { '.bashrc': 'exec busybox sh' },
  },
  { name: 'zsh', shell: zsh === undefined ? undefined : [zsh], files: { '.zshrc': '' } },
  {
    name: 'zsh with options that change its syntax',
    shell: zsh === undefined ? undefined : [zsh, '-l'],
    files: { '.zshrc': 'setopt extended_glob no_unset bsd_echo csh_null_glob noclobber vi' },
  },
  { name: 'zsh that asks how it is to be set up', shell: zsh === undefined ? undefined : [zsh] },
];

describe('where the PTY runs', () => {
  test.for(shells)(
    verifies('host.login-shell', '$name, the host finds bash, and the agent answers'),
    { timeout: 30_000 },
    async ({ shell, files = {} }, { skip }) => {
      if (shell === undefined) {
        skip('this machine lacks it');
        return;
      }
      const vm = startMicroVm({ shell });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(vm.home, name), `${text}\n`);
      const { heard, until, say } = attach(vm, 'echo "$BASH_VERSION"; exec cat');
      say('one');
      await until(() => heard.lines.length === 2 || heard.failures.length > 0);
      vm.shell.killShell();
      say('two');
      await until(() => heard.lines.length === 3 || heard.failures.length > 0);
      expect(heard.failures).toEqual([]);
      expect(heard.lines.slice(1)).toEqual(['one', 'two']);
      expect(heard.epochs).toHaveLength(1);
    },
  );
});

describe.skipIf(!canHideBash())('where there is no bash', () => {
  test.for([
    { name: '/bin/sh', shell: '/bin/sh' },
    { name: 'ash of busybox', shell: busybox === undefined ? undefined : `${busybox} sh` },
    { name: 'zsh', shell: zsh },
  ])(
    verifies('host.login-shell', '$name an error names bash, and nothing is tried again'),
    { timeout: 15_000 },
    async ({ shell }, { skip }) => {
      if (shell === undefined) {
        skip('this machine lacks it');
        return;
      }
      const vm = startMicroVm({ shell: withoutBash(shell) });
      writeFileSync(join(vm.home, '.zshrc'), '');
      const { link, heard, until } = attach(vm, 'cat');
      link.attach();
      await until(() => heard.failures.length > 0);
      expect(heard.failures).toMatchObject([
        { code: 'host-failed', message: expect.stringContaining('lacks bash') as string },
      ]);
      expect(vm.shell.connections).toBe(1);
    },
  );
});
