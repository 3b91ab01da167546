import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach } from 'vitest';
import type { AgentExit, AgentLinkEvents, EpochEvent, SaveResult } from '../../src/agent/agent-link.ts';
import { ResumableLink, type ResumableLinkOptions } from '../../src/agent/resume/resumable-link.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { Lines } from './lines.ts';
import { PtyShell, type PtyShellOptions } from './pty-shell.ts';

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0).toReversed()) end();
});

export interface MicroVm {
  readonly shell: PtyShell;
  readonly home: string;
  /** The thread, and the directory that the agent host keeps for it. */
  readonly thread: string;
  readonly directory: string;
  /** What the files of this name hold there, as a glob of them; empty where there is none. */
  readonly read: (files: string) => string;
  /** Ends the agents and their hosts, as a machine does that runs out of memory. */
  readonly endAgents: () => void;
  /** Nothing is left of agents and files, as in a new microVM. */
  readonly forgetThread: () => void;
  /** Starts a process group of somebody else's. Returns its id. */
  readonly startGroup: () => number;
}

/** A shell in which an agent host can be started. What runs there, and what it leaves, ends with the test. */
export function startMicroVm(options: Partial<PtyShellOptions> = {}): MicroVm {
  const home = mkdtempSync(join(tmpdir(), 'acb-home-'));
  const thread = `test-${randomUUID()}`;
  const directory = join('/tmp', `.agentcore-bridge-${process.getuid?.() ?? 0}`, thread);
  const shell = new PtyShell({
    ...options,
    env: { HOME: home, PATH: process.env['PATH'] ?? '/usr/bin:/bin', TERM: 'xterm', ...options.env },
  });
  const forgetThread = (): void => {
    endAgents(directory);
    // What an agent leaves may just be being saved.
    rmSync(directory, { recursive: true, force: true, maxRetries: 50, retryDelay: 20 });
  };
  endings.push(() => {
    shell.end();
    forgetThread();
    rmSync(home, { recursive: true, force: true });
  });
  return {
    shell,
    home,
    thread,
    directory,
    read: (files) => globSync(join(directory, files)).map(readText).join(''),
    endAgents: () => endAgents(directory),
    forgetThread,
    startGroup: () => {
      const { pid = 0 } = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
      endings.push(() => killGroup(pid));
      return pid;
    },
  };
}

/** Waits until this is so, of what lies outside this process. */
export async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(2);
}

/** Whether a process is there and has not ended. */
export function isAlive(pid: string | number | undefined): boolean {
  return /^State:\s+[^ZX]/m.test(readText(`/proc/${pid}/status`));
}

/** The processes that a process started, by what they run. */
export function childrenOf(pid: string, program: string): number[] {
  const children = readText(`/proc/${pid}/task/${pid}/children`).trim().split(' ');
  return children.filter((child) => readText(`/proc/${child}/comm`) === `${program}\n`).map(Number);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** `pid` in an epoch's directory names the leader of the host's group, and that of the agent's. */
function endAgents(directory: string): void {
  for (const file of globSync(join(directory, '*', 'pid'))) {
    const [host, , agent] = readText(file).trim().split(' ').map(Number);
    for (const group of [agent, host]) killGroup(group);
  }
}

function killGroup(group: number | undefined): void {
  if (group === undefined || !(group > 1)) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What a link has told its user. */
export interface Heard {
  readonly lines: string[];
  readonly epochs: EpochEvent[];
  readonly exits: AgentExit[];
  readonly states: string[];
  readonly saves: SaveResult[];
  readonly failures: BridgeError[];
  /** All of it, in order. */
  readonly all: string[];
  /** Bytes of output that lines were heard of. */
  end: number;
}

export interface Attached {
  readonly link: ResumableLink;
  readonly heard: Heard;
  /** Waits until this is so; it is looked at whenever something was heard. */
  readonly until: (isSo: () => boolean) => Promise<void>;
  readonly say: (text: string) => void;
  /** Resolves when all that was said is known to have arrived. */
  readonly arrived: () => Promise<void>;
  /** What was said and is not pulled. */
  readonly lines: Lines;
}

export interface AttachOptions extends Partial<Omit<ResumableLinkOptions, 'events' | 'input'>> {
  /** Called for each line. Default: all that was heard is acknowledged. */
  readonly onLine?: (line: string, start: number, end: number) => void;
  readonly onEpoch?: () => void;
  /** Called when a line was pulled. */
  readonly onPulled?: () => void;
}

/** A bridge's link to the agent in a microVM. */
export function attach(
  vm: { readonly shell: Pick<PtyShell, 'connect'>; readonly thread: string },
  command: string,
  options: AttachOptions = {},
): Attached {
  const heard: Heard = {
    lines: [],
    epochs: [],
    exits: [],
    states: [],
    saves: [],
    failures: [],
    all: [],
    end: 0,
  };
  const waiting = new Set<() => void>();
  const tell = (what: string): void => {
    heard.all.push(what);
    for (const wake of waiting) wake();
  };
  const lines = new Lines(() => {
    options.onPulled?.();
    for (const wake of waiting) wake();
  });
  const events: AgentLinkEvents = {
    onEpoch: (event) => {
      heard.epochs.push(event);
      options.onEpoch?.();
      tell(`epoch ${event.origin}`);
    },
    onLine: (bytes, start, end) => {
      const line = Buffer.from(bytes).toString();
      heard.lines.push(line);
      heard.end = end;
      if (options.onLine === undefined) link.acknowledge(end, []);
      else options.onLine(line, start, end);
      tell(line);
    },
    onOversizedLine: (_, start, end) => tell(`oversized ${end - start}`),
    onExit: (exit) => {
      heard.exits.push(exit);
      tell(`exit ${exit.code}`);
    },
    onState: (state) => {
      heard.states.push(state);
      tell(state);
    },
    onSaved: (result) => {
      heard.saves.push(result);
      tell(`saved ${result}`);
    },
    onFailed: (error) => {
      heard.failures.push(error);
      tell(`failed ${error.code}`);
    },
  };
  const link: ResumableLink = new ResumableLink({
    shellId: vm.thread,
    createShell: vm.shell.connect,
    command,
    cwd: undefined,
    env: {},
    persist: [],
    persistTo: undefined,
    workspaceTimeoutMs: 60_000,
    maxLineBytes: 64 * 1024 * 1024,
    log: silentLog,
    ...options,
    input: lines,
    events,
  });
  endings.push(() => void link.close(0));
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
      });
    }
  };
  const say = (text: string): void => {
    lines.add(text);
    link.ready();
  };
  const arrived = async (): Promise<void> => {
    await until(() => lines.waiting() === 0);
    await link.drained(0);
  };
  return { link, heard, until, say, arrived, lines };
}
