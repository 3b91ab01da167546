import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { LineAssembler } from '../../src/base/lines.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';

export const repository = join(import.meta.dirname, '..', '..');
export const runtimeArn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my-agent';
const bin = join(repository, 'bin', 'agentcore-bridge.js');

export interface Message {
  id?: number | string | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

export interface BridgeOptions {
  /** Added to, or in the place of, the options that reach the local AgentCore. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The agent; default: the test agent. */
  readonly agent?: readonly string[];
}

/** The command that starts a fixture in the microVM. */
export function fixture(name: string): readonly string[] {
  return [process.execPath, join(repository, 'test', 'fixtures', name)];
}

/** The bridge as a chat bot spawns it: pipes, and an environment that is cleared but for what the bot lets through. */
export class BridgeProcess {
  /** Every line of stdout. */
  readonly lines: string[] = [];
  stderr = '';
  readonly child: ChildProcess;
  /** Resolves to the exit code, null for a signal, when all that the process wrote is here. */
  readonly exit: Promise<number | null>;
  readonly #waiters = new Set<() => void>();
  #nextId = 1;
  #read = 0;
  #hasEnded = false;

  constructor(local: Pick<LocalAgentCore, 'url' | 'credentials'> | undefined, options: BridgeOptions = {}) {
    const { args = [], agent = fixture('test-agent.ts'), env = {} } = options;
    const connection = local === undefined ? [] : ['--runtime-arn', runtimeArn, '--endpoint-url', local.url];
    const keys = local?.credentials[0];
    this.child = spawn(
      process.execPath,
      [bin, ...connection, ...args, ...(agent.length > 0 ? ['--', ...agent] : [])],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
        env: {
          HOME: process.env['HOME'] ?? '/',
          PATH: process.env['PATH'] ?? '/usr/bin:/bin',
          USER: 'bot',
          ...(keys && { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey }),
          ...env,
        },
      },
    );
    const stdout = new LineAssembler({
      maxBytes: 256 * 1024 * 1024,
      onLine: (line) => this.lines.push(Buffer.from(line).toString('utf8')),
      onOversizedLine: () => undefined,
    });
    this.child.stdout?.on('data', (chunk: Uint8Array) => {
      stdout.push(chunk);
      this.#wake();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString('utf8');
      this.#wake();
    });
    this.child.stdin?.on('error', () => undefined);
    this.exit = once(this.child, 'close').then(([code]) => {
      this.#hasEnded = true;
      this.#wake();
      return code as number | null;
    });
  }

  /** Writes a line to stdin. */
  write(line: string | Uint8Array): void {
    this.child.stdin?.write(line);
    this.child.stdin?.write('\n');
  }

  notify(method: string, params: unknown = {}): void {
    this.write(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  /** Sends a request. Returns its id. */
  ask(method: string, params: unknown = {}): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return id;
  }

  /** Sends a request and waits for its answer. */
  async request(method: string, params: unknown = {}): Promise<Message> {
    const id = this.ask(method, params);
    return this.answer(id);
  }

  /** The answer to a request; all that comes before it stays in `lines`. */
  answer(id: number | string | null): Promise<Message> {
    return this.find((message) => message.id === id && message.method === undefined);
  }

  /** The first message, from the beginning on, that is so. Rejects if the process ends without one. */
  async find(isSo: (message: Message) => boolean): Promise<Message> {
    let at = 0;
    for (;;) {
      for (; at < this.lines.length; at += 1) {
        const message = JSON.parse(this.lines[at] ?? '') as Message;
        if (isSo(message)) return message;
      }
      await this.#more(() => at < this.lines.length);
    }
  }

  /** Waits until this is so; it is looked at when something was printed or the process has ended. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#more(() => false);
  }

  /** Messages that came since the last call. */
  take(): Message[] {
    const messages = this.lines.slice(this.#read).map((line) => JSON.parse(line) as Message);
    this.#read = this.lines.length;
    return messages;
  }

  /** Lines of stdout that are no JSON-RPC message: there must be none, whatever happens. */
  strayLines(): string[] {
    return this.lines.filter((line) => !isMessage(line));
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends the process and waits for that. */
  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exit;
  }

  #more(isThere: () => boolean): Promise<void> {
    if (isThere()) return Promise.resolve();
    if (this.#hasEnded) {
      return Promise.reject(
        new Error(`the bridge has ended (${this.child.exitCode}): ${this.stderr.slice(-2000)}`),
      );
    }
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
    });
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }
}

function isMessage(line: string): boolean {
  try {
    return (JSON.parse(line) as { jsonrpc?: unknown } | null)?.jsonrpc === '2.0';
  } catch {
    return false;
  }
}
