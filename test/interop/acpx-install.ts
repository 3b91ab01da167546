import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../e2e/bridge-process.ts';

/**
 * The client that judges us. It is none of our development dependencies: 40 packages and 45 MB, some of them for one platform each,
 * of which a registry that has not all of them makes a lock file that `npm ci` refuses.
 */
const version = '0.19.1';
const directory = join(repository, 'node_modules', '.cache', `acpx-${version}`);

/** The script that starts it. */
export const acpx = join(directory, 'node_modules', 'acpx', 'dist', 'cli.js');

/** Installs it beside our own packages, unless it is there. */
export function setup(): void {
  if (existsSync(acpx)) return;
  execFileSync(
    'npm',
    [
      'install',
      '--prefix',
      directory,
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `acpx@${version}`,
    ],
    { stdio: 'inherit' },
  );
}
