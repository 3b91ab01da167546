import process from 'node:process';
import { vi } from 'vitest';
import { main } from '../../src/cli/main.ts';

export interface MainOutcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `main` as a process of its own would. What a command does once it has its options is for the test to mock. */
export async function runMain(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<MainOutcome> {
  const said = { stdout: '', stderr: '' };
  let code: number | undefined;
  const to = (name: 'stdout' | 'stderr') => (text: unknown) => {
    said[name] += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(to('stdout')),
    vi.spyOn(process.stderr, 'write').mockImplementation(to('stderr')),
    vi.spyOn(process, 'exit').mockImplementation((exitCode) => {
      code = Number(exitCode);
      return undefined as never;
    }),
    vi.spyOn(process, 'argv', 'get').mockReturnValue(['node', 'agentcore-bridge', ...argv]),
    vi.spyOn(process, 'env', 'get').mockReturnValue({ ...env }),
  ];
  try {
    await main();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { code, ...said };
}
