import { spawn } from 'node:child_process';

/** The process that holds a microVM: the microVM lives while this process's stdin is open. */
export interface FirstProcess {
  readonly pid: number;
  readonly ended: Promise<void>;
  /** Closes its stdin, so that it ends all processes in its care, and then itself. */
  end(): Promise<void>;
}

/**
 * Starts a program that prints a line when it is ready, and ends when its stdin does. The operating system closes that
 * pipe however this process ends, so nothing outlives it. Rejects with what the program wrote to stderr.
 */
export async function startFirstProcess(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<FirstProcess> {
  // A process group of its own, so that a Ctrl-C for this process does not end microVMs directly.
  const child = spawn(file, args, { env, cwd: '/', stdio: 'pipe', detached: true });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-2000);
  });
  // `ended` tells when the process is gone, so a failed write need not.
  child.stdin.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', () => {
      resolve();
    });
    void ended.then(() => {
      reject(new Error(`${file} ended before it was ready: ${stderr.trim()}`));
    });
  });
  return {
    pid: child.pid ?? 0,
    ended,
    end: () => {
      child.stdin.end();
      return ended;
    },
  };
}
