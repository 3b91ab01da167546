import { type ChildProcessByStdio, spawn } from 'node:child_process';
import process from 'node:process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { LineWriter } from '../../src/cli/line-writer.ts';

let child: ChildProcessByStdio<Writable, Readable, null> | undefined;
let ended: Promise<unknown> | undefined;
afterEach(async () => {
  child?.kill('SIGKILL');
  await ended;
});

/** A process that reads its stdin only after SIGUSR2, and then copies it to its stdout. */
async function reader() {
  const program =
    "process.on('SIGUSR2', () => process.stdin.pipe(process.stdout)); process.stdout.write('ready');";
  child = spawn(process.execPath, ['-e', `${program} setInterval(() => undefined, 1e9)`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  ended = once(child, 'close');
  const { stdin, stdout } = child;
  await once(stdout, 'data');
  let text = '';
  let onText: () => void = () => undefined;
  stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    onText();
  });
  const { fd } = Reflect.get(stdin, '_handle') as { fd: number };
  stdin.setMaxListeners(0);
  return {
    pipe: {
      fd,
      write: (bytes: Uint8Array, callback: (error?: Error | null) => void) => stdin.write(bytes, callback),
      on: (event: 'error', listener: () => void) => stdin.on(event, listener),
    },
    read: () => child?.kill('SIGUSR2'),
    text: async (length: number): Promise<string> => {
      while (text.length < length) await new Promise<void>((resolve) => (onText = resolve));
      return text;
    },
    close: () => child?.kill('SIGKILL'),
  };
}

describe('the line writer', () => {
  test('counts the lines that the pipe has taken, and goes on behind the one that was under way', async () => {
    const { pipe, read, text } = await reader();
    const room = Promise.withResolvers<void>();
    const writer = new LineWriter(pipe, { onRoom: room.resolve, onGone: () => undefined });
    const lines = Array.from({ length: 2000 }, (_, n) => Buffer.from(`${n} ${'x'.repeat(1000)}`));

    const taken = writer.write(lines);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(lines.length);
    read();
    await room.promise;

    let next = taken + 1;
    while (next < lines.length) {
      const again = Promise.withResolvers<void>();
      const more = new LineWriter(pipe, { onRoom: again.resolve, onGone: () => undefined });
      next += more.write(lines.slice(next));
      if (next < lines.length) {
        await again.promise;
        next += 1;
      }
    }
    const expected = lines.map((line) => `${line.toString()}\n`).join('');
    expect(await text(expected.length)).toBe(expected);
  });

  test('writes lines of any size in their order, small ones together', async () => {
    const { pipe, read, text } = await reader();
    read();
    const sizes = [0, 1, 300, 65_534, 1, 65_535, 0, 65_536, 65_537, 2, 200_000, 30_000, 30_000, 30_000, 0];
    const lines = sizes.map((size, n) => Buffer.alloc(size, 0x61 + n));
    let onRoom: () => void = () => undefined;
    const writer = new LineWriter(pipe, { onRoom: () => onRoom(), onGone: () => undefined });

    for (let next = 0; next < lines.length;) {
      const room = Promise.withResolvers<void>();
      onRoom = room.resolve;
      next += writer.write(lines.slice(next));
      if (next === lines.length) break;
      await room.promise;
      next += 1;
    }
    const expected = lines.map((line) => `${line.toString()}\n`).join('');
    expect(await text(expected.length)).toBe(expected);
  });

  test('reports when the reader is gone, and then accepts everything', async () => {
    const { pipe, close } = await reader();
    const gone = Promise.withResolvers<void>();
    const writer = new LineWriter(pipe, { onRoom: () => undefined, onGone: gone.resolve });
    close();
    await ended;
    const lines = [Buffer.from('a'), Buffer.from('b')];
    while (writer.write(lines) !== lines.length) await gone.promise;
    await gone.promise;
    expect(writer.write(lines)).toBe(lines.length);
  });
});
