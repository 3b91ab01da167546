import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** A process that is measured: lines in, lines out. */
export class Program {
  readonly child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #waiting: {
    readonly isIt: (line: string) => boolean;
    readonly resolve: (line: string) => void;
  }[] = [];
  #rest = '';
  /** Bytes of stdout so far. */
  bytes = 0;

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#exit = once(this.child, 'exit');
    this.child.stdin?.on('error', () => undefined);
    this.child.stdout?.setEncoding('latin1').on('data', (text: string) => this.#read(text));
  }

  write(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** The next line that is so; those before it are dropped. */
  line(isIt: (line: string) => boolean = () => true): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ isIt, resolve });
      this.#exit.then(() => reject(new Error('the process has ended')), reject);
    });
  }

  /** Sends a request, and waits for its answer. */
  async request(id: number, method: string, params: object = {}): Promise<string> {
    const answer = this.line((line) => line.startsWith(`{"jsonrpc":"2.0","id":${id},`));
    this.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return answer;
  }

  /** Memory in MB: what is shared with other processes counted in part (PSS) where Linux tells, and whole (RSS). */
  get memory(): { readonly rss: number; readonly pss: number } {
    const of = (file: string, field: string): number => {
      const text = readFileSync(`/proc/${this.child.pid}/${file}`, 'utf8');
      return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) / 1024;
    };
    return { rss: of('status', 'VmRSS'), pss: of('smaps_rollup', 'Pss') };
  }

  /** Processor time of its threads so far in ms, user and system. */
  get cpuMs(): number {
    const tasks = `/proc/${this.child.pid}/task`;
    const nanoseconds = readdirSync(tasks).map((task) =>
      Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]),
    );
    return nanoseconds.reduce((sum, of) => sum + of, 0) / 1e6;
  }

  /** Ends it by the end of its input, or by a signal. */
  async end(signal?: NodeJS.Signals): Promise<void> {
    if (signal === undefined) this.child.stdin?.end();
    else this.child.kill(signal);
    await this.#exit;
  }

  #read(text: string): void {
    this.bytes += text.length;
    if (!text.includes('\n')) {
      this.#rest += text;
      return;
    }
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#waiting[0]?.isIt(line) === true) this.#waiting.shift()?.resolve(line);
    }
  }
}
