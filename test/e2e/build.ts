import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { repository } from './bridge-process.ts';

/** End-to-end tests run `bin/`, which runs what was built: build it before them. */
export function setup(): void {
  execFileSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['run', '--silent', 'build'], {
    cwd: repository,
    stdio: 'inherit',
  });
}
