import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { loadPty } from '../../../src/local/microvm/pty.ts';
import type { Pty } from '../../../src/local/microvm/pty.ts';
import type { PtyExit } from '../../../src/local/microvm/pty.ts';

const openPty = await loadPty();

interface Running {
  readonly pty: Pty;
  readonly exit: Promise<PtyExit>;
  readonly output: () => Buffer;
  /** Resolves when the output is as `wanted` says. */
  readonly until: (wanted: (output: Buffer) => boolean) => Promise<void>;
}

function run(script: string): Running {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let check = (): void => undefined;
  const exit = Promise.withResolvers<PtyExit>();
  const pty = openPty(
    { file: '/bin/bash', args: ['-c', script], env: {}, cwd: '/' },
    {
      onOutput: (chunk) => {
        chunks.push(Buffer.from(chunk));
        bytes += chunk.length;
        check();
      },
      onExit: exit.resolve,
      onDrain: () => undefined,
    },
  );
  const output = (): Buffer => {
    if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks, bytes));
    return chunks[0] ?? Buffer.alloc(0);
  };
  return {
    pty,
    exit: exit.promise,
    output,
    until: (wanted) =>
      new Promise((resolve) => {
        check = () => {
          if (!wanted(output())) return;
          check = () => undefined;
          resolve();
        };
        check();
      }),
  };
}

const ready = (output: Buffer): boolean => output.includes('ready\n');
const raw = 'stty raw -echo; echo ready;';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('8 MB of input arrive whole and in order, although the process in the PTY waits for its output to be read', async () => {
  const { pty, exit, output, until } = run(`${raw} head -c 8388608`);
  await until(ready);
  const sent = Buffer.from(randomBytes(4 * 1024 * 1024).toString('hex'));
  for (let at = 0; at < sent.length; at += 60_000) pty.write(sent.subarray(at, at + 60_000));
  await exit;
  const received = output().subarray(output().indexOf('ready\n') + 6);
  expect(received.length).toBe(sent.length);
  expect(sha256(received)).toBe(sha256(sent));
});

test('input that the PTY has not taken can be dropped, newest first', async () => {
  const { pty, exit, output, until } = run(`${raw} head -c 1000010 | tail -c 10`);
  await until(ready);
  pty.write(Buffer.alloc(1_000_000, '-'));
  pty.write(Buffer.from('01'));
  pty.write(Buffer.from('234567'));
  pty.write(Buffer.from('89'));
  const queued = pty.queuedBytes;
  pty.forgetInput(5);
  expect(pty.queuedBytes).toBe(queued - 5);
  pty.write(Buffer.from('VWXYZ'));
  await exit;
  expect(output().toString()).toContain('01234VWXYZ');
});

test('an exit code comes behind all output, and a signal by its number', async () => {
  const first = run('head -c 1000000 /dev/zero; exit 7');
  expect(await first.exit).toEqual({ code: 7, signal: 0 });
  expect(first.output().length).toBe(1_000_000);
  expect(await run('kill -TERM $$').exit).toEqual({ code: 0, signal: 15 });
});

test('a PTY is resized while its process runs, and calls after its end are harmless', async () => {
  const { pty, exit, output, until } = run(`${raw} read -rn1; stty size`);
  await until(ready);
  pty.resize(101, 33);
  pty.write(Buffer.from('x'));
  await exit;
  expect(output().toString()).toContain('33 101');
  pty.resize(1, 1);
  pty.write(Buffer.from('x'));
  expect(pty.queuedBytes).toBe(0);
});
