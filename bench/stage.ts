import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseRuntimeArn } from '../src/aws/arn.ts';
import { dataPlaneEndpoint } from '../src/aws/endpoint.ts';
import { type SignedUpgrade, signUpgrade } from '../src/aws/sign-upgrade.ts';
import { Program } from './program.ts';
import type { ServiceAddress, ServiceClosed } from './service.ts';

export const repository = join(import.meta.dirname, '..');
export const runtimeArn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my-agent';
const bin = join(repository, 'bin', 'agentcore-bridge.js');

/** A program of `bare/`, by its name. */
export function bare(name: string): string {
  return join(import.meta.dirname, 'bare', name);
}

/** What the measured programs meet: a HOME of their own, and a service. */
export class Stage {
  readonly home = mkdtempSync(join(tmpdir(), 'agentcore-bench-'));
  /** Close codes that the service gave. */
  readonly closeCodes: number[] = [];
  #service: ChildProcess | undefined;
  #address: ServiceAddress | undefined;
  readonly #programs = new Set<Program>();
  #shells = 0;

  /** Starts the local AgentCore. Only one that is started has `relay` and `bridge`. */
  async startService(): Promise<void> {
    const service = fork(join(import.meta.dirname, 'service.ts'), [JSON.stringify([repository])]);
    this.#service = service;
    const [address] = (await once(service, 'message')) as [ServiceAddress];
    this.#address = address;
    service.on('message', ({ closed }: ServiceClosed) => this.closeCodes.push(closed));
  }

  /** Cuts all connections to the service, by a TCP reset. */
  cut(): void {
    this.#service?.send('cut');
  }

  get address(): ServiceAddress {
    if (this.#address === undefined) throw new Error('the service was not started');
    return this.#address;
  }

  /** What a chat bot lets through, and what leads to `url`. */
  env(url = this.address.url): Readonly<Record<string, string>> {
    const keys = this.#address?.credentials;
    return {
      HOME: this.home,
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      TMPDIR: this.home,
      AWS_ACCESS_KEY_ID: keys?.accessKeyId ?? 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: keys?.secretAccessKey ?? 'x'.repeat(40),
      AWS_ENDPOINT_URL: url,
      AGENTCORE_RUNTIME_ARN: runtimeArn,
      // For AWS's own client.
      BEDROCK_AGENTCORE_DATA_PLANE_ENDPOINT: url,
    };
  }

  start(args: readonly string[], env = this.env()): Program {
    const program = new Program(args, env);
    this.#programs.add(program);
    return program;
  }

  bridge(args: readonly string[], agent: readonly string[], env = this.env()): Program {
    return this.start([bin, ...args, '--', ...agent], env);
  }

  /** A bridge on a thread of that name, whose agent has been introduced and holds a session. */
  async begun(thread: string, agent: readonly string[]): Promise<Program> {
    const bridge = this.bridge(['--thread', thread], agent);
    await bridge.request(0, 'initialize', { protocolVersion: 1 });
    await bridge.request(1, 'session/new', { cwd: '/', mcpServers: [] });
    return bridge;
  }

  /** A bare WebSocket client of a fresh shell that runs `command` in a PTY in raw mode. */
  async relay(command: string, pace: 'paced' | 'at once' = 'at once'): Promise<Program> {
    return this.inPty(this.start([bare('relay.mjs'), JSON.stringify(await this.upgrade()), pace]), command);
  }

  /** The same by AWS's own client. */
  async openShell(command: string): Promise<Program> {
    return this.inPty(this.start([bare('open-shell.mjs'), runtimeArn]), command);
  }

  /** The signed request at `url` for a shell in a microVM of its own: a fresh one, unless its number is given. */
  async upgrade(number = (this.#shells += 1), url = this.address.url): Promise<SignedUpgrade> {
    const { credentials } = this.address;
    const arn = parseRuntimeArn(runtimeArn);
    const name = `bench-${process.pid}-${String(number).padStart(40, '0')}`;
    const target = {
      endpoint: dataPlaneEndpoint(arn, url),
      arn,
      qualifier: 'DEFAULT',
      sessionId: name,
      shellId: name,
    };
    return signUpgrade(target, credentials, new Date());
  }

  async inPty(program: Program, command: string): Promise<Program> {
    const ready = program.line((line) => line.endsWith('in raw mode'));
    program.write(` stty raw -echo; printf 'in raw %s\\n' mode; exec ${command}`);
    await ready;
    return program;
  }

  /** Ends all that was started. */
  async end(): Promise<void> {
    await Promise.all([...this.#programs].map((program) => program.end('SIGKILL')));
    if (this.#service !== undefined) {
      const exit = once(this.#service, 'exit');
      this.#service.disconnect();
      await exit;
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}
