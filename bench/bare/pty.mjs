/** A plain process that reads a PTY, without a network: what the program in it writes is copied to stdout. */
import process from 'node:process';
import { spawn } from '@lydell/node-pty';

// Before it is raw, what is sent would come back.
const pty = spawn(
  '/bin/bash',
  ['-c', 'stty raw -echo; printf .; exec "$@"', 'bash', ...process.argv.slice(2)],
  {
    encoding: null,
  },
);
const raw = pty.onData(() => {
  raw.dispose();
  pty.onData((bytes) => process.stdout.write(bytes));
  process.stdin.on('data', (bytes) => pty.write(bytes));
});
process.stdin.on('end', () => process.exit());
