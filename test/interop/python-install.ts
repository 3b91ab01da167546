import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '../e2e/bridge-process.ts';

const run = promisify(execFile);
const directory = join(repository, 'node_modules', '.cache', 'bedrock-agentcore-python');

export type PythonSdk =
  | { readonly kind: 'installed'; readonly python: string; readonly version: string }
  | { readonly kind: 'missing'; readonly why: string };

/** Installs the current version of Python's bedrock-agentcore in an environment of its own, or says why that can't be done. Never rejects. */
export async function installPythonSdk(): Promise<PythonSdk> {
  const python = join(directory, 'bin', 'python');
  try {
    await mkdir(directory, { recursive: true });
    await run('python3', ['-m', 'venv', directory]);
    const quiet = [
      '--quiet',
      '--disable-pip-version-check',
      '--no-input',
      '--retries',
      '1',
      '--timeout',
      '10',
    ];
    await run(python, ['-m', 'pip', 'install', ...quiet, '--upgrade', 'bedrock-agentcore']);
    const version = "from importlib.metadata import version; print(version('bedrock-agentcore'))";
    const { stdout } = await run(python, ['-c', version]);
    return { kind: 'installed', python, version: stdout.trim() };
  } catch (error) {
    const said = ((error as { stderr?: string }).stderr ?? '').trim() || String(error);
    return {
      kind: 'missing',
      why: `needs python3 (3.10 or later, with venv) and its package index: ${said.split('\n').at(-1)}`,
    };
  }
}
