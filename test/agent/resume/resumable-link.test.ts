import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, test, vi } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { shellClose } from '../../../src/shell/close-codes.ts';
import type { Shell, ShellEvents } from '../../../src/shell/shell.ts';
import { verifies } from '../../requirements.ts';
import { attach, childrenOf, eventually, isAlive, startMicroVm } from '../stage.ts';

/** How long an answer to the bootstrap line is waited for, at the least. */
const answerMs = 1000;
const upTo = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
const bytes = (text: string): Uint8Array => Buffer.from(text);

const stuck = new BridgeError('agent-exited', 'the agent was ended: it did not stop');

/** Prints its pid, then what it reads. */
const tellPid = 'echo $$; exec cat';
/** Says what it reads, a line at a time, and so that an RS in it shows. */
const repeat = `while IFS= read -r l; do printf '%s\\n' "\${l//$'\\036'/RS}"; done`;

describe('a resumable link', () => {
  test('carries lines to the agent and back', async () => {
    const { heard, until, say } = attach(startMicroVm(), 'cat');
    say('{"a":1}');
    say('{"b":2}');
    await until(() => heard.lines.length === 2);
    expect(heard.lines).toEqual(['{"a":1}', '{"b":2}']);
    expect(heard.all.slice(0, 3)).toEqual(['waiting', 'epoch started', 'attached']);
  });

  test('starts the agent without a line to send', async () => {
    const { link, heard, until } = attach(startMicroVm(), 'echo hello; exec cat');
    link.attach();
    link.attach();
    await until(() => heard.lines.length === 1);
    expect(heard.lines).toEqual(['hello']);
  });

  test('works if the service never says whether a shell is new', async () => {
    const vm = startMicroVm({ confirms: false });
    const { heard, until, say } = attach(vm, 'cat');
    say('one');
    await until(() => heard.lines.length === 1);
    vm.shell.cut();
    say('two');
    await until(() => heard.lines.length === 2);
    expect(heard.epochs).toHaveLength(1);
  });

  test.each(['undelivered', 'recent'] as const)(
    verifies(
      'host.exactly-once',
      'loses and doubles nothing under 50 random cuts, with a replay of %s output, and keeps a checkpoint',
    ),
    async (replay) => {
      const vm = startMicroVm({ replay });
      const { link, heard, until, say } = attach(vm, 'cat');
      const lines = upTo(3000).map((n) => `{"n":${n},"pad":"${'x'.repeat((Number(n) * 37) % 3000)}"}`);
      let cuts = 0;
      const cut = (): void => {
        vm.shell.cut();
        cuts += 1;
        if (cuts < 50) setTimeout(cut, Math.random() * 60);
      };
      for (const line of lines) say(line);
      cut();
      await until(
        () => heard.lines.length >= lines.length && cuts === 50 && heard.states.at(-1) === 'attached',
      );
      expect(heard.lines).toEqual(lines);
      expect(heard.epochs).toHaveLength(1);
      await link.close(1000);
      expect(heard.failures).toEqual([]);
      await eventually(() => vm.read('*/in').endsWith(`\u001eack ${heard.end}:;\n`));

      const next = attach(vm, 'cat');
      next.say('last');
      await next.until(() => next.heard.lines.length > 0);
      expect(next.heard.lines).toEqual(['last']);
    },
  );

  test('attaches again without a pause, although the replay holds what earlier hosts said', async () => {
    const vm = startMicroVm({ replay: 'recent' });
    const { heard, until, say } = attach(vm, 'cat');
    let bootstraps: number[] = [];
    vm.shell.onWrite = (written) => {
      if (Buffer.from(written).includes(' """": ')) bootstraps.push(performance.now());
    };
    say('0');
    await until(() => heard.lines.length === 1);
    let repeated = 0;
    for (const n of upTo(10)) {
      bootstraps = [];
      vm.shell.cut();
      say(n);
      await until(() => heard.lines.length === Number(n) + 2);
      const waits = bootstraps.slice(1).map((at, index) => at - (bootstraps[index] ?? at));
      // A machine that is busy may take longer than an answer is waited for. Before that, nothing is said again.
      for (const ms of waits) expect(ms).toBeGreaterThanOrEqual(answerMs - 1);
      repeated += waits.length;
    }
    // Where what was replayed leads astray, each attach needs a second try.
    expect(repeated).toBeLessThan(10);
  });

  test('asks for the sizes while it sends much, and holds a bounded amount', async () => {
    const vm = startMicroVm();
    const { link, heard, lines, until, say } = attach(vm, 'read l; echo ready; wc -c');
    say('go');
    await until(() => heard.lines.length === 1);
    const line = 'x'.repeat(100_000);
    for (let n = 0; n < 220; n += 1) say(line);
    await until(() => lines.waiting() === 0);
    await link.drained(1_100_000);
    expect(vm.shell.connections).toBe(1);
    expect(heard.states).toEqual(['waiting', 'attached']);
    expect(heard.failures).toEqual([]);
  });

  test('asks for the sizes if somebody waits for little to have arrived', async () => {
    const vm = startMicroVm();
    const { link, heard, until, say } = attach(vm, 'cat');
    say('hello');
    await until(() => heard.lines.length === 1);
    expect(link.pendingBytes).toBeGreaterThan(0);
    await link.drained(0);
    expect(link.pendingBytes).toBe(0);
    expect(vm.shell.connections).toBe(1);
  });

  test(
    verifies('host.lost-input', 'sends again what got lost, at once when it is told to verify'),
    async () => {
      const vm = startMicroVm();
      const { link, heard, until, say } = attach(vm, 'cat');
      say('one');
      await until(() => heard.lines.length === 1);
      const asked: string[] = [];
      vm.shell.onWrite = (written) => void asked.push(Buffer.from(written).toString());
      vm.shell.swallow(100);
      say('two');
      link.verify();
      await until(() => heard.lines.length === 2);
      expect(heard.lines).toEqual(['one', 'two']);
      expect(asked.filter((each) => each.includes('3:two'))).toHaveLength(2);
      expect(heard.epochs).toHaveLength(1);
    },
  );

  test('passes on no line while it is paused, and all of them later', async () => {
    const vm = startMicroVm();
    const { link, heard, until, say } = attach(vm, 'echo ready; read l; seq 0 999; echo behind; exec cat');
    link.attach();
    await until(() => heard.lines.length === 1);
    link.pause();
    say('go');
    await eventually(() => vm.read('*/out').includes('behind'));
    expect(heard.lines).toEqual(['ready']);
    link.resume();
    await until(() => heard.lines.length === 1002);
    expect(heard.lines).toEqual(['ready', ...upTo(1000), 'behind']);
  });

  test('drops a line that is too long, and no other', async () => {
    const vm = startMicroVm();
    const { heard, until, say } = attach(vm, 'cat', { maxLineBytes: 100 });
    for (const length of [100, 101, 5000, 7]) say('x'.repeat(length));
    await until(() => heard.lines.length === 2);
    const told = heard.all.slice(3).map((what) => what.replace(/(oversized) \d+/, '$1'));
    expect(told).toEqual(['x'.repeat(100), 'oversized', 'oversized', 'x'.repeat(7)]);
  });
});

describe('lines for an agent', () => {
  test('are pulled when an epoch has begun, behind those that its onEpoch puts in front', async () => {
    const vm = startMicroVm();
    const { link, heard, lines, until, say } = attach(vm, tellPid, {
      onEpoch: () => {
        waiting.push(lines.waiting());
        lines.addFirst('hello');
      },
    });
    const waiting: number[] = [];
    say('one');
    say('two');
    await until(() => heard.lines.length === 4);
    expect(heard.lines.slice(1)).toEqual(['hello', 'one', 'two']);
    heard.lines.length = 0;
    link.restart(stuck);
    say('three');
    await until(() => heard.lines.length === 3);
    expect(heard.lines.slice(1)).toEqual(['hello', 'three']);
    expect(waiting).toEqual([2, 1]);
  });

  test('may be pulled from a source that calls the link meanwhile', async () => {
    const vm = startMicroVm();
    const { link, heard, lines, until, say } = attach(vm, 'cat', {
      onPulled: () => {
        pulled += 1;
        link.note('thread', `pulled ${pulled}`);
        if (pulled === 1) say('more');
      },
    });
    let pulled = 0;
    lines.add('one');
    lines.add('two');
    link.ready();
    await until(() => heard.lines.length === 3);
    expect(heard.lines).toEqual(['one', 'two', 'more']);
    await link.close(1000);
    const next = attach(vm, 'cat');
    next.link.attach();
    await next.until(() => next.heard.epochs.length === 1);
    expect(next.heard.epochs[0]?.notes.thread).toBe('pulled 3');
  });

  test('are pulled no faster than the connection takes them', async () => {
    const vm = startMicroVm();
    const { heard, lines, until, say } = attach(vm, 'read l; echo ready; wc -l');
    say('go');
    await until(() => heard.lines.length === 1);
    vm.shell.onWrite = () => vm.shell.stall();
    for (let n = 0; n < 50; n += 1) say('x'.repeat(100_000));
    const held = 50 - lines.waiting();
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(10);
    vm.shell.onWrite = () => undefined;
    vm.shell.flow();
    await until(() => lines.waiting() === 0);
  });

  test(
    verifies(
      'host.half-line',
      'never reach the agent once they were cut; one that was sent whole cannot be cut',
    ),
    async () => {
      const vm = startMicroVm();
      const { link, heard, lines, until, say } = attach(vm, repeat);
      expect(link.cutLast()).toBe(false);
      say('sent');
      await until(() => heard.lines.length === 1);
      expect(link.cutLast()).toBe(false);

      // The connection takes the first frame of a long line, and no more for now.
      vm.shell.onWrite = () => vm.shell.stall();
      for (let n = 0; n < 3; n += 1) say('y'.repeat(150_000));
      vm.shell.onWrite = () => undefined;
      const waiting = lines.waiting();
      expect(link.cutLast()).toBe(true);
      vm.shell.flow();
      say('after');
      await until(() => heard.lines.at(-1) === 'after');
      expect(heard.lines.filter((line) => line.startsWith('y'))).toHaveLength(2);
      expect(waiting).toBeLessThan(3);
      expect(vm.read(`${heard.epochs[0]?.epoch}/in`)).toContain('yyy\u001e\n');
    },
  );
});

describe('another link on the same thread', () => {
  test(
    verifies(
      ['host.takeover', 'host.half-line'],
      'finds the same agent, gets the lines that were left open again and the rest once, and the agent gets no half line',
    ),
    async () => {
      const vm = startMicroVm();
      const first = attach(vm, `echo $$; ${repeat}`, {
        onLine: (line, start, end) => {
          // The client has answered all but `open`.
          if (line === 'open') open.push(start);
          first.link.acknowledge(end, open);
        },
      });
      const open: number[] = [];
      for (const line of ['one', 'open', 'two']) first.say(line);
      await first.until(() => first.heard.lines.length === 4);
      const [pid] = first.heard.lines;
      const [epoch] = first.heard.epochs;
      await eventually(() => vm.read('*/in').includes('\u001eack') && /:\d+;\n$/.test(vm.read('*/in')));
      // As where a bridge is gone before the second piece of a line.
      vm.shell.forgetClient();
      appendFileSync(join(vm.directory, epoch?.epoch ?? '', 'in'), '{"half":"writ');

      const second = attach(vm, tellPid);
      second.say('three');
      await second.until(() => second.heard.lines.length === 2);
      expect(second.heard.lines).toEqual(['open', 'three']);
      expect(second.heard.epochs).toMatchObject([{ epoch: epoch?.epoch, origin: 'found', cause: undefined }]);
      expect(process.kill(Number(pid), 0)).toBe(true);
    },
  );

  test(verifies('host.takeover', 'gets the output that came while no bridge was attached'), async () => {
    const vm = startMicroVm();
    const first = attach(vm, 'read l; echo got $l; read l; echo late $l; exec cat');
    first.say('one');
    await first.until(() => first.heard.lines.length === 1);
    first.say('two');
    await first.link.close(1000);
    await eventually(() => vm.read('*/out').includes('late two'));

    const second = attach(vm, 'cat');
    second.link.attach();
    await second.until(() => second.heard.lines.length > 0);
    second.say('three');
    await second.until(() => second.heard.lines.includes('three'));
    expect([...new Set([...first.heard.lines, ...second.heard.lines])]).toEqual([
      'got one',
      'late two',
      'three',
    ]);
    expect(second.heard.lines.filter((line) => line === 'three')).toHaveLength(1);
  });

  test('that came and went leaves the agent to the first, which begins there as a new one', async () => {
    const vm = startMicroVm();
    const first = attach(vm, 'cat');
    first.say('one');
    await first.until(() => first.heard.lines.length === 1);
    await vm.shell.interlude(async () => {
      const second = attach(vm, 'cat');
      second.link.note('thread', 'from the second');
      second.say('two');
      await second.until(() => second.heard.lines.includes('two'));
      await second.link.close(1000);
    });
    first.say('three');
    await first.until(() => first.heard.lines.length === 2);
    expect(first.heard.lines).toEqual(['one', 'three']);
    const [began, came] = first.heard.epochs;
    expect(came).toMatchObject({
      epoch: began?.epoch,
      origin: 'found',
      cause: { code: 'replaced' },
    });
    expect(came?.notes.thread).toBe('from the second');
    expect(vm.shell.connections).toBe(3);
  });

  test('is not assumed if the host has lost its note of who came last', async () => {
    const vm = startMicroVm();
    const { heard, until, say } = attach(vm, 'cat');
    say('one');
    await until(() => heard.lines.length === 1);
    writeFileSync(join(vm.directory, 'viewer'), '');
    vm.shell.cut();
    say('two');
    await until(() => heard.lines.length === 2 || heard.failures.length > 0);
    expect(heard.failures).toEqual([]);
  });

  test('never gets zeros instead of freed output: the host frees only what it knows to be delivered', async () => {
    const vm = startMicroVm();
    const first = attach(vm, 'seq 100000 102000; exec cat', { onLine: () => undefined });
    first.link.attach();
    await first.until(() => first.heard.lines.length === 2001);
    // The checkpoint gets lost; the next attach arrives, and what is sent behind it gets lost again.
    vm.shell.swallow(Number.POSITIVE_INFINITY);
    first.link.acknowledge(first.heard.end, []);
    vm.shell.cut();
    vm.shell.swallow(0);
    vm.shell.onWrite = (written) => {
      if (written.length < 1000 && written.length > 1) vm.shell.swallow(Number.POSITIVE_INFINITY);
    };
    await first.until(() => first.heard.states.filter((state) => state === 'attached').length === 2);
    vm.shell.forgetClient();
    vm.shell.onWrite = () => undefined;
    vm.shell.swallow(0);

    const second = attach(vm, 'cat');
    second.link.attach();
    await second.until(() => second.heard.lines.at(-1) === '102000');
    expect(second.heard.lines).toEqual(first.heard.lines);
  });
});

describe('the agent', () => {
  test(verifies('host.outlives-shell', 'goes on when its shell is killed, and nothing is lost'), async () => {
    const vm = startMicroVm();
    const { heard, until, say } = attach(vm, tellPid);
    for (const n of upTo(5)) {
      say(n);
      await until(() => heard.lines.length === Number(n) + 2);
      vm.shell.killShell();
    }
    say('last');
    await until(() => heard.lines.includes('last'));
    expect(heard.lines.slice(1)).toEqual([...upTo(5), 'last']);
    expect(heard.epochs).toHaveLength(1);
  });

  test(verifies('host.outlives-shell', 'has one host at a time: the later one of two'), async () => {
    const vm = startMicroVm();
    const { heard, until, say } = attach(vm, 'cat');
    say('one');
    await until(() => heard.lines.length === 1);
    const [old = ''] = vm.read('viewer').split(' ');
    const end = vm.shell.abandonShell();
    say('two');
    await until(() => heard.lines.length === 2);
    expect(isAlive(old)).toBe(false);
    end();
    expect(heard.failures).toEqual([]);
  });

  test(
    verifies(
      'host.exit-in-order',
      'is reported to have ended behind its last output, with its status and stderr',
    ),
    async () => {
      const vm = startMicroVm();
      const { heard, until, say } = attach(
        vm,
        'read l; seq 5000; echo "$l"; printf part; echo oops >&2; exit 3',
      );
      let attaches = 0;
      vm.shell.onWrite = (written) => {
        if (/ agent-host \S+ \S+\.1 /.test(Buffer.from(written).toString('latin1'))) attaches += 1;
      };
      say('one');
      await until(() => heard.exits.length === 1);
      // It stands where it is due: nothing seems to be missing before it.
      expect(attaches).toBe(1);
      expect(heard.lines.slice(-2)).toEqual(['one', 'part']);
      expect(heard.lines).toHaveLength(5002);
      expect(heard.exits).toEqual([{ code: 3, stderr: 'oops\n' }]);
      say('two');
      await until(() => heard.exits.length === 2);
      expect(heard.lines.slice(-2)).toEqual(['two', 'part']);
      expect(heard.epochs).toMatchObject([{}, { origin: 'started', cause: undefined }]);
    },
  );

  test(
    verifies(
      'host.exit-in-order',
      'is reported to have ended although a process that it left behind holds its stdout',
    ),
    async () => {
      const { heard, until, say } = attach(
        startMicroVm(),
        'read l; setsid sh -c "echo \\$\\$; exec sleep 60" & read l; exit 4',
      );
      say('one');
      await until(() => heard.lines.length === 1);
      say('two');
      await until(() => heard.exits.length === 1);
      process.kill(Number(heard.lines[0]), 'SIGKILL');
      expect(heard.exits[0]?.code).toBe(4);
    },
  );

  test(
    verifies('host.exit-in-order', 'that was killed together with its host is reported to have ended'),
    async () => {
      const vm = startMicroVm();
      const { heard, until, say } = attach(vm, tellPid);
      say('one');
      await until(() => heard.lines.length === 2);
      vm.endAgents();
      vm.shell.cut();
      await until(() => heard.exits.length === 1);
      expect(heard.exits[0]).toMatchObject({ code: 137, stderr: '' });
      say('two');
      await until(() => heard.lines.includes('two'));
      expect(heard.epochs).toHaveLength(2);
    },
  );

  test(
    verifies(
      'host.epoch',
      'whose pid another process has does not count as alive, and the other process is not harmed',
    ),
    async () => {
      const vm = startMicroVm();
      const first = attach(vm, 'cat');
      first.say('one');
      await first.until(() => first.heard.lines.length === 1);
      await first.link.close(1000);
      vm.endAgents();
      const bystander = vm.startGroup();
      const { epoch = '' } = first.heard.epochs[0] ?? {};
      writeFileSync(join(vm.directory, epoch, 'pid'), `${bystander} 1 ${bystander} 1\n`);

      const second = attach(vm, 'cat');
      second.say('two');
      await second.until(() => second.heard.lines.includes('two'));
      expect(second.heard.exits).toMatchObject([{ code: 137 }]);
      expect(second.heard.epochs).toMatchObject([{ epoch, origin: 'found' }, { origin: 'started' }]);
      expect(isAlive(bystander)).toBe(true);
    },
  );

  test(
    verifies(
      'host.epoch',
      'of a microVM that is gone is reported as lost, and the next one gets the lines that wait',
    ),
    async () => {
      const vm = startMicroVm();
      const { heard, until, say } = attach(vm, repeat);
      say('one');
      await until(() => heard.lines.length === 1);
      vm.forgetThread();
      vm.shell.cut();
      await until(() => heard.epochs.length === 2);
      expect(heard.epochs[1]).toMatchObject({
        origin: 'started',
        cause: { code: 'agent-lost' },
      });
      say('two');
      await until(() => heard.lines.length === 2);
      expect(heard.lines).toEqual(['one', 'two']);
    },
  );

  test('is ended and started again on request, with the lines that wait and none that were sent', async () => {
    const vm = startMicroVm();
    const { link, heard, until, say } = attach(vm, tellPid);
    say('one');
    await until(() => heard.lines.length === 2);
    link.restart(stuck);
    say('two');
    await until(() => heard.lines.length === 4);
    expect(heard.lines[3]).toBe('two');
    expect(heard.epochs[1]).toMatchObject({
      origin: 'started',
      cause: stuck,
    });
    expect(isAlive(heard.lines[0])).toBe(false);
  });

  test('is ended and started again when the connection comes back, if that was requested without one', async () => {
    const vm = startMicroVm();
    const { link, heard, until, say } = attach(vm, tellPid);
    say('one');
    await until(() => heard.lines.length === 2);
    vm.shell.cut();
    let written = 0;
    vm.shell.onWrite = () => {
      written += 1;
    };
    link.restart(stuck);
    expect(written).toBe(0);
    await until(() => heard.epochs.length === 2);
    expect(heard.epochs[1]?.cause).toBe(stuck);
  });

  test('that ignores SIGTERM is killed', async () => {
    const { link, heard, until, say } = attach(
      startMicroVm(),
      `trap "" TERM HUP INT; ${tellPid.replace('exec ', '')}`,
    );
    say('one');
    await until(() => heard.lines.length === 2);
    link.restart(stuck);
    await until(() => heard.epochs.length === 2);
    expect(isAlive(heard.lines[0])).toBe(false);
  });

  test(verifies('host.environment', 'gets each variable with its value, whatever its name'), async () => {
    const names = [
      ...['D', 'C', 'K', 'N', 'P', 'W', 'X', 'RUN', 'NEW', 'CWD', 'COMMAND', 'ENVIRONMENT', 'FOLLOW'],
      ...['detach', 'late', 'traps', 'v', 'BASH', 'TMOUT', 'BASH_ENV', 'POSIXLY_CORRECT'],
    ];
    const env = Object.fromEntries(names.map((name) => [name, `its ${name}`]));
    const { link, heard, until } = attach(
      // Where bash keeps to POSIX, more faults than elsewhere end it.
      startMicroVm({ env: { POSIXLY_CORRECT: '1' } }),
      `"${process.execPath}" -p "JSON.stringify(process.env)"`,
      {
        env,
      },
    );
    link.attach();
    await until(() => heard.lines.length + heard.failures.length > 0);
    const { BASH, ...rest } = env;
    expect(BASH).toBeDefined();
    expect(JSON.parse(heard.lines[0] ?? '{}')).toMatchObject(rest);
  });
});

describe('an agent that was started by an earlier version of the bridge', () => {
  test(verifies('host.epoch', 'is ended, and another one gets its notes'), async () => {
    const vm = startMicroVm();
    const first = attach(vm, tellPid);
    first.link.note('thread', 'kept');
    first.say('one');
    await first.until(() => first.heard.lines.length === 2);
    await first.link.close(1000);
    vm.shell.forgetClient();
    rmSync(join(vm.directory, first.heard.epochs[0]?.epoch ?? '', 'format-2'));
    const second = attach(vm, tellPid);
    second.say('two');
    await second.until(() => second.heard.lines.length === 2);
    expect(second.heard.epochs).toMatchObject([{ origin: 'started', notes: { thread: 'kept' } }]);
    expect(isAlive(first.heard.lines[0])).toBe(false);
  });
});

describe('damage', () => {
  test(verifies('host.damage', 'that cannot be mended is reported, and the agent is replaced'), async () => {
    const vm = startMicroVm();
    const { heard, until, say } = attach(vm, 'cat');
    say('one');
    await until(() => heard.lines.length === 1);
    const [epoch] = heard.epochs;
    // Somebody in the microVM writes to the agent's input.
    appendFileSync(join(vm.directory, epoch?.epoch ?? '', 'in'), 'x'.repeat(1000));
    vm.shell.cut();
    await until(() => heard.epochs.length === 2);
    expect(heard.epochs[1]).toMatchObject({
      origin: 'started',
      cause: { code: 'input-damaged', retryable: true },
    });
    say('whole');
    await until(() => heard.lines.at(-1) === 'whole');
  });

  test('is prevented if input cannot be stored: that is reported', async () => {
    const vm = startMicroVm();
    const { heard, until, say } = attach(vm, 'read l; echo "$l"; printf part; exec cat');
    say('one');
    await until(() => heard.lines.length === 1);
    const [host = ''] = vm.read('viewer').split(' ');
    const [feeder] = childrenOf(host, 'perl');
    // As where the disk is full.
    execFileSync('prlimit', ['--pid', String(feeder), '--fsize=4']);
    say('two');
    await until(() => heard.failures.length === 1);
    expect(heard.failures[0]).toMatchObject({
      code: 'host-failed',
      message: expect.stringContaining('could not store') as string,
    });
    expect(heard.lines).toEqual(['one']);
  });
});

describe('input that is no bootstrap line', () => {
  test(
    verifies('host.hostile-values', 'is never run, also if it reaches the shell between two attaches'),
    async () => {
      const vm = startMicroVm();
      const { link, heard, until, say } = attach(vm, 'cat');
      say('one');
      await until(() => heard.lines.length === 1);
      await link.close(1000);
      const trap = join(vm.home, 'run');
      vm.shell.forgetClient();
      vm.shell.type(bytes('\u0003\n'));
      vm.shell.type(bytes(`touch ${trap}\n{"a":"$(touch ${trap})"}\n\u001eack 1:;\n`));
      vm.forgetThread();
      // Right before the bootstrap line, and before what starts the agent.
      vm.shell.onWrite = (written) => {
        if (written.length > 1000) vm.shell.type(bytes(`touch ${trap};`));
      };
      const next = attach(vm, 'cat');
      next.say('two');
      await next.until(() => next.heard.lines.includes('two'));
      expect(next.heard.epochs).toMatchObject([{ origin: 'started' }]);
      expect(existsSync(trap)).toBe(false);
    },
  );

  test('does not reach the agent through a shell that was started with interrupts ignored', async () => {
    const vm = startMicroVm({ shell: ['/bin/sh', '-c', 'trap "" INT; exec /bin/bash'] });
    const { heard, until, say } = attach(vm, 'cat');
    say('one');
    await until(() => heard.lines.length === 1);
    vm.shell.cut();
    say('two');
    await until(() => heard.lines.length === 2 || heard.failures.length > 0);
    expect(heard.failures).toEqual([]);
    expect(heard.lines).toEqual(['one', 'two']);
  });
});

describe('a link that is closed', () => {
  test('reports nothing more, and leaves the agent running', async () => {
    const vm = startMicroVm();
    const { link, heard, until, say } = attach(vm, tellPid);
    say('one');
    await until(() => heard.lines.length === 2);
    say('two');
    await link.close(1000);
    const before = [...heard.all];
    await eventually(() => vm.read('*/in').includes('two'));
    say('three');
    link.restart(stuck);
    await link.close(1000);
    expect(heard.all).toEqual(before);
    expect(isAlive(heard.lines[0])).toBe(true);
  });

  test('by a failure while it lets go of its shell does not attach again', async () => {
    const vm = startMicroVm();
    let heardBy: ShellEvents | undefined;
    const { link, heard, until, say } = attach(vm, 'cat', {
      createShell: (events) => {
        heardBy = events;
        return vm.shell.connect(events);
      },
    });
    say('one');
    await until(() => heard.lines.length === 1);
    link.letGo();
    heardBy?.onFailed(stuck);
    const before = [...heard.all];
    await new Promise(setImmediate);
    say('two');
    expect(heard.all).toEqual(before);
    expect(before.at(-1)).toBe(`failed ${stuck.code}`);
  });

  test('before it was attached ends at once', async () => {
    const vm = startMicroVm();
    const { link, heard } = attach(vm, 'cat');
    await link.close(60_000);
    link.attach();
    expect(heard.all).toEqual([]);
    expect(vm.shell.connections).toBe(0);
  });
});

describe('a shell in which nothing answers', () => {
  test('is left for another connection, and reported when two connections failed', () => {
    vi.useFakeTimers();
    try {
      const connections: string[] = [];
      let heardBy: ShellEvents | undefined;
      const { link, heard } = attach(startMicroVm(), 'cat', {
        createShell: (events) => {
          heardBy = events;
          return {
            ...muteShell,
            start: () => events.onOpen(),
            reconnect: (why) => void connections.push(why),
          };
        },
      });
      link.attach();
      vi.advanceTimersByTime(300_000);
      expect(connections).toHaveLength(1);
      heardBy?.onClose(shellClose(1006, ''));
      heardBy?.onOpen();
      vi.advanceTimersByTime(300_000);
      expect(connections).toHaveLength(1);
      expect(heard.failures).toMatchObject([{ code: 'shell-silent' }]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

/** A connection on which nothing comes. */
const muteShell: Shell = {
  start: () => undefined,
  write: () => undefined,
  unsentBytes: 0,
  sent: async () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  settle: () => undefined,
  reconnect: () => undefined,
  rest: () => undefined,
  close: async () => undefined,
};
