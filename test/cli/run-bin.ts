import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** All that its environment holds, besides PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node.js itself. */
  readonly nodeArgs?: readonly string[];
}

/** Runs `bin/agentcore-bridge.js` to its end, with an empty input. */
export async function runBin(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { env = {}, nodeArgs = [] } = options;
  const child = spawn(process.execPath, [...nodeArgs, bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...env },
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}

const bin = join(import.meta.dirname, '..', '..', 'bin', 'agentcore-bridge.js');
