import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { LineAssembler } from '../../src/base/lines.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { runtimeArn } from '../e2e/bridge-process.ts';
import type { SelfReport } from './self-report.ts';
import type { FromAgent } from './wire.ts';

export interface BridgeOptions {
  readonly local: LocalAgentCore;
  /** The script that is run. */
  readonly program: string;
  readonly args: readonly string[];
  readonly agent: readonly string[];
  /** Whether `report` can be called. */
  readonly reports: boolean;
  readonly onMessage: (message: FromAgent) => void;
  /** A line that is no message of ours. */
  readonly onStray: (line: string) => void;
}

/** A bridge in a process of its own, and its pipes. Keeps nothing of what comes. */
export class Bridge {
  readonly child: ChildProcess;
  /** Resolves to the exit code, null for a signal, when all that the process wrote was handled. */
  readonly exit: Promise<number | null>;
  stderr = '';
  /** Questions, by their ids, that are not to be answered any more. */
  readonly withdrawn = new Set<number>();
  readonly #options: BridgeOptions;
  /** What comes is kept back while the bridge before this one still speaks. */
  #heldBack: FromAgent[] | undefined;

  constructor(options: BridgeOptions, isHeldBack = false) {
    this.#options = options;
    this.#heldBack = isHeldBack ? [] : undefined;
    const { local, program, args, agent, reports } = options;
    const [keys] = local.credentials;
    const connection = ['--runtime-arn', runtimeArn, '--endpoint-url', local.url, ...args];
    this.child = spawn(
      process.execPath,
      [...(reports ? reporting : []), program, ...connection, '--', ...agent],
      {
        stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
        env: {
          HOME: '/nonexistent',
          PATH: process.env['PATH'] ?? '/usr/bin:/bin',
          AWS_ACCESS_KEY_ID: keys.accessKeyId,
          AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
        },
      },
    );
    const lines = new LineAssembler({
      maxBytes: 256 * 1024 * 1024,
      onLine: (line) => this.#read(Buffer.from(line).toString('utf8')),
      onOversizedLine: () => undefined,
    });
    this.child.stdout?.on('data', (chunk: Uint8Array) => lines.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString('utf8')).slice(-10_000);
    });
    this.child.stdin?.on('error', () => undefined);
    this.#reports.once('error', () => undefined);
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Writes a message. Resolves when there is room for more. */
  write(message: object): Promise<unknown> {
    const { stdin } = this.child;
    if (stdin?.writable !== true || stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)) {
      return Promise.resolve();
    }
    return Promise.race([once(stdin, 'drain').catch(() => undefined), this.exit]);
  }

  /** Hands on what was kept back, and from now on all at once. */
  speak(): void {
    const messages = this.#heldBack ?? [];
    this.#heldBack = undefined;
    for (const message of messages) this.#options.onMessage(message);
  }

  /** Has it collect its garbage, and say what is left. */
  async report(): Promise<SelfReport> {
    const line = once(this.#reports, 'data') as Promise<[Buffer]>;
    this.child.kill('SIGUSR2');
    const [bytes] = await line;
    return JSON.parse(bytes.toString('utf8')) as SelfReport;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  /** Reads nothing of what it says for so long. */
  async stallReading(ms: number): Promise<void> {
    this.child.stdout?.pause();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.child.stdout?.resume();
  }

  get #reports(): Readable {
    return this.child.stdio[3] as Readable;
  }

  #read(line: string): void {
    let message: FromAgent;
    try {
      message = JSON.parse(line) as FromAgent;
    } catch {
      this.#options.onStray(line.slice(0, 200));
      return;
    }
    if (this.#heldBack === undefined) this.#options.onMessage(message);
    else this.#heldBack.push(message);
  }
}

const reporting = ['--expose-gc', '--import', join(import.meta.dirname, 'self-report.ts')];
