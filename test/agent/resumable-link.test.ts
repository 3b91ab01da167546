import { afterEach, describe, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { AgentExit, AgentLinkEvents, EpochEvent } from '../../src/agent/agent-link.ts';
import { ResumableLink } from '../../src/agent/resumable-link.ts';
import type { BridgeError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { PtyShell } from './pty-shell.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function microVm() {
  const home = mkdtempSync(join(tmpdir(), 'acb-home-'));
  const shell = new PtyShell({
    env: { HOME: home, PATH: process.env['PATH'] ?? '/usr/bin:/bin', TERM: 'xterm' },
  });
  cleanups.push(() => {
    shell.end();
    rmSync(home, { recursive: true, force: true });
  });
  return { shell, home, thread: `test-${randomUUID()}` };
}

interface Heard {
  lines: string[];
  epochs: EpochEvent[];
  exits: AgentExit[];
  failures: BridgeError[];
}

function attach(vm: ReturnType<typeof microVm>, command: string) {
  const heard: Heard = { lines: [], epochs: [], exits: [], failures: [] };
  let wake: () => void = () => undefined;
  const events: AgentLinkEvents = {
    onEpoch: (event) => void heard.epochs.push(event),
    onLine: (line, _start, end) => {
      heard.lines.push(Buffer.from(line).toString());
      link.acknowledge(end, []);
      wake();
    },
    onOversizedLine: () => undefined,
    onExit: (exit) => {
      heard.exits.push(exit);
      wake();
    },
    onState: () => undefined,
    onFailed: (error) => {
      heard.failures.push(error);
      wake();
    },
  };
  const link: ResumableLink = new ResumableLink({
    shellId: vm.thread,
    createShell: vm.shell.connect,
    command,
    cwd: undefined,
    env: {},
    maxLineBytes: 64 * 1024 * 1024,
    events,
    log: silentLog,
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise<void>((resolve) => (wake = resolve));
  };
  const say = (text: string): number => link.send(Buffer.from(text));
  return { link, heard, until, say };
}

describe('a resumable link', () => {
  test('carries lines to the agent and back', async () => {
    const { heard, until, say } = attach(microVm(), 'cat');
    say('{"a":1}');
    say('{"b":2}');
    await until(() => heard.lines.length === 2);
    expect(heard.lines).toEqual(['{"a":1}', '{"b":2}']);
    expect(heard.epochs).toHaveLength(1);
  });

  test('loses and doubles nothing when the connection is cut at random', async () => {
    const vm = microVm();
    const { heard, until, say } = attach(vm, 'cat');
    const lines = Array.from({ length: 3000 }, (_, n) => `{"n":${n},"pad":"${'x'.repeat((n * 37) % 5000)}"}`);
    let cuts = 0;
    const cut = (): void => {
      vm.shell.cut();
      cuts += 1;
      if (cuts < 50) setTimeout(cut, Math.random() * 80);
    };
    cut();
    for (const line of lines) say(line);
    await until(() => heard.lines.length >= lines.length);
    expect(cuts).toBeGreaterThan(5);
    expect(heard.lines).toEqual(lines);
    expect(heard.epochs).toHaveLength(1);
  });

  test('tells the exit behind the last line', async () => {
    const { heard, until, say } = attach(microVm(), 'read l; echo "$l"; printf part; echo oops >&2; exit 3');
    say('one');
    await until(() => heard.exits.length === 1);
    expect(heard.lines).toEqual(['one', 'part']);
    expect(heard.exits).toEqual([{ code: 3, stderr: 'oops\n', lostThrough: 1 }]);
    say('two');
    await until(() => heard.exits.length === 2);
    expect(heard.lines.slice(2)).toEqual(['two', 'part']);
    expect(heard.epochs).toHaveLength(2);
  });
});
