import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { fixture, repository, runtimeArn } from '../e2e/bridge-process.ts';
import { endLater, startLocal } from '../e2e/stage.ts';
import { acpx } from './acpx-install.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A person at a shell who runs acpx with the bridge as its agent: a HOME of their own, and a cleared environment. */
class Person {
  readonly #local: LocalAgentCore;
  readonly #home: string;
  readonly #bridge: string;

  private constructor(local: LocalAgentCore, home: string, args: readonly string[]) {
    this.#local = local;
    this.#home = home;
    this.#bridge = [
      process.execPath,
      join(repository, 'bin', 'agentcore-bridge.js'),
      ...['--runtime-arn', runtimeArn, '--endpoint-url', local.url],
      ...args,
      '--',
      ...fixture('session-agent.ts'),
      'initialize-once',
    ].join(' ');
  }

  static async at(local: LocalAgentCore, args: readonly string[] = []): Promise<Person> {
    const home = await mkdtemp(join(tmpdir(), 'acpx-'));
    await mkdir(join(home, 'project'));
    const person = new Person(local, home, args);
    endLater(async () => {
      await person.left();
      await rm(home, { recursive: true, force: true });
    });
    return person;
  }

  /** Runs `acpx` in the project. It keeps the agent for a second, should another prompt follow. */
  run(...args: readonly string[]): Promise<Outcome> {
    const [{ accessKeyId, secretAccessKey }] = this.#local.credentials;
    const flags = ['--agent', this.#bridge, '--approve-all', '--ttl', '1', '--format', 'quiet'];
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        [acpx, ...flags, ...args],
        {
          cwd: join(this.#home, 'project'),
          env: {
            HOME: this.#home,
            PATH: process.env['PATH'],
            USER: 'ada',
            AWS_ACCESS_KEY_ID: accessKeyId,
            AWS_SECRET_ACCESS_KEY: secretAccessKey,
          },
        },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout: stdout.trim(), stderr }),
      );
    });
  }

  /** What a command prints. Rejects if it fails. */
  async output(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`acpx ${args.join(' ')} ended with ${code}: ${stdout}\n${stderr}`);
    return stdout;
  }

  /** Resolves when every bridge has left: the next command is another process. */
  async left(): Promise<void> {
    const attached = (): number =>
      this.#local.sessions().flatMap(({ shells }) => shells.filter((shell) => shell.attached)).length;
    await expect.poll(attached, { timeout: 30_000 }).toBe(0);
  }
}

const keepsHistory = ['--persist', '.session-agent'];

describe('acpx', () => {
  test('gets one prompt answered, with a permission granted', async () => {
    const person = await Person.at(await startLocal());
    expect(await person.output('exec', 'ask permission\nsay 3')).toBe('permission once012');
  });

  test('finds the agent of its session in later processes', async () => {
    const local = await startLocal();
    const person = await Person.at(local);
    const session = await person.output('sessions', 'new');
    expect(session).toMatch(/^acb-[a-z2-7]{26}/);
    await person.left();
    const life = await person.output('prompt', 'life');
    await person.left();
    expect(await person.output('prompt', 'life\nstarts')).toBe(`${life}1`);
    await person.left();
    expect(await person.output('prompt', 'tell history')).toBe(JSON.stringify(['life', 'life\nstarts']));
    expect(local.sessions()).toHaveLength(1);
  });

  test('has the history of its session after the microVM was reclaimed', async () => {
    const local = await startLocal();
    const person = await Person.at(local, keepsHistory);
    await person.output('sessions', 'new');
    const life = await person.output('prompt', 'life');
    await person.left();
    await local.faults.evict();
    const [nextLife, history] = (await person.output('prompt', 'life\ntell history')).split('[');
    expect(nextLife).not.toBe(life);
    expect(`[${history}`).toBe(JSON.stringify(['life']));
  });

  test('lists its sessions and closes one', async () => {
    const person = await Person.at(await startLocal());
    const session = await person.output('sessions', 'new');
    await person.output('prompt', 'say 1');
    expect(await person.output('sessions', 'list', '--local')).toContain(session);
    // What the bridge of this moment knows of the agent's sessions; a microVM of another one is not among it.
    expect((await person.run('sessions', 'list')).code).toBe(0);
    await person.output('sessions', 'close');
    // acpx: 4 is "no session".
    expect((await person.run('prompt', 'say 1')).code).toBe(4);
  });

  test("lists the sessions of a thread, under its agent's ids", async () => {
    const person = await Person.at(await startLocal(), ['--thread', randomUUID()]);
    const session = await person.output('sessions', 'new');
    await person.output('prompt', 'say 1');
    await person.left();
    expect(await person.output('sessions', 'list')).toContain(session);
    await person.output('sessions', 'close');
    await person.left();
  });
});
