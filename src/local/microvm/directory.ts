import { randomInt, randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startFirstProcess } from './first-process.ts';
import type { MicroVms, MicroVmSettings } from './microvm.ts';

/**
 * microVMs made of a directory each, for machines without namespaces: only HOME and TMPDIR are their own. There is no
 * /mnt/workspace, and no first process whose environment could be read, so the shell gets the container's.
 */
export function directoryMicroVms({ stateDir, containerEnv }: MicroVmSettings): MicroVms {
  return {
    isolation: 'directory',
    start: async () => {
      const directory = join(stateDir, randomUUID());
      const home = join(directory, 'home');
      const temporary = join(directory, 'tmp');
      await mkdir(home, { recursive: true, mode: 0o700 });
      await mkdir(temporary);
      const mark = String(randomInt(1, largestMark));
      const first = await startFirstProcess('/bin/bash', ['-p', script('directory-watch.sh'), mark], {});
      const ended = first.ended.then(() => rm(directory, { recursive: true, force: true }));
      return {
        enter: (shellCommand) => ({
          file: '/bin/bash',
          args: ['-p', script('directory-enter.sh'), mark, ...shellCommand],
          env: { ...containerEnv, HOME: home, TMPDIR: temporary },
          cwd: home,
        }),
        shellPid: (ptyPid) => ptyPid,
        ended,
        end: () => {
          void first.end();
          return ended;
        },
      };
    },
  };
}

/**
 * Bytes of RLIMIT_MSGQUEUE, which marks the processes of a microVM. Linux: 819,200 initially; a user other than root
 * can only lower it.
 */
const largestMark = 800_000;

const script = (name: string): string => join(import.meta.dirname, 'entry', name);
