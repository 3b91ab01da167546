import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { verifies } from '../requirements.ts';
import { type BridgeProcess, fixture, type Message, repository } from './bridge-process.ts';
import { appletsOf, canHideBash, imageWith, programOf, withoutBash } from './image.ts';
import { endLater, startBridge, startLocal } from './stage.ts';
import { numbersOf, upTo } from './updates.ts';

const start = (bridge: BridgeProcess): Promise<Message> =>
  bridge.request('initialize', { protocolVersion: 1 });

const codeOf = ({ error }: Message): unknown => error?.data?.['agentcore-bridge/code'];

const shellIdOf = (local: LocalAgentCore): string => local.sessions()[0]?.shells[0]?.shellId ?? '';

/** What a line of bash prints in the microVM. */
async function run(bridge: BridgeProcess, command: string): Promise<string> {
  const { result, error } = await bridge.request('test/run', { command });
  if (typeof result !== 'string') throw new Error(`"${command}" failed: ${JSON.stringify(error)}`);
  return result;
}

/** A turn with much to say on both sides: all arrives, once and in order. */
async function expectFlood(bridge: BridgeProcess, count: number): Promise<void> {
  bridge.take();
  const flood = bridge.ask('test/flood', { count, size: 1000 });
  for (const n of upTo(count)) bridge.notify('test/seq', { n, pad: 'é'.repeat(500) });
  await bridge.answer(flood);
  const { result } = await bridge.request('test/seen');
  expect(result).toEqual({ seen: count });
  expect(numbersOf(bridge.take())).toEqual(upTo(count));
}

describe('the environment of the agent', () => {
  test(verifies('host.environment', "is the container's, with its PATH, and what --env sets"), async () => {
    const containerEnv = {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      FROM_IMAGE: "the image's $HOME",
      FROM_BOTH: 'the image',
    };
    const local = await startLocal({ containerEnv });
    const [, script = ''] = fixture('test-agent.ts');
    const bridge = startBridge(local, {
      agent: ['node', script],
      args: ['--env', 'FROM_BOTH=the person', '--env', 'EMPTY='],
    });
    const { result } = await bridge.request('test/env');
    expect(result).toMatchObject({
      FROM_IMAGE: "the image's $HOME",
      FROM_BOTH: 'the person',
      EMPTY: '',
      PATH: expect.stringMatching(new RegExp(`^${containerEnv.PATH}(:|$)`)) as string,
    });
    expect(
      Object.keys(result as object).filter((name) => /ACB|BASH|RUN|ENVIRONMENT|COMMAND/.test(name)),
    ).toEqual([]);
  });

  test(
    verifies('host.secrets', 'is on no command line, in no file and in no history of the microVM'),
    async () => {
      const local = await startLocal();
      const halves = [randomUUID(), randomUUID()] as const;
      const bridge = startBridge(local, { args: ['--env', `TOKEN=${halves.join('')}`] });
      // The bridge's own command line is the person's affair, and seen here where a microVM has no processes of its own.
      const all = `for p in /proc/[0-9]*; do [ $p = /proc/${bridge.child.pid} ] || tr '\\0' ' ' <$p/cmdline; done`;
      const commandLines = await run(bridge, `{ ${all}; } 2>/dev/null; true`);
      expect(commandLines).toContain('agent-host');
      expect(commandLines).not.toContain(halves[0]);

      const [head, tail] = halves;
      const search = 'grep -rlF "$token" "$HOME" /tmp/.agentcore-bridge-*';
      const found = await run(
        bridge,
        `token=${head}; token+=${tail}; [ $token = $TOKEN ] && echo given; ${search}; true`,
      );
      expect(found).toBe('given\n');
      expect(await run(bridge, 'cat ~/.*history 2>/dev/null; true')).toBe('');
    },
  );
});

describe("the host's files", () => {
  test(
    verifies(
      'host.private-files',
      "have mode 0600 in directories of mode 0700, while the agent's own files have their usual modes",
    ),
    async () => {
      const local = await startLocal();
      const bridge = startBridge(local);
      await start(bridge);
      const found = await run(bridge, `find /tmp/.agentcore-bridge-$UID -printf '%y %m %f\\n'`);
      const entries = found.trim().split('\n');
      expect(
        entries.map((entry) => entry.split(' ').slice(0, 2).join(' ')).filter((mode) => mode !== 'd 700'),
      ).toEqual(entries.filter((entry) => entry.startsWith('f')).map(() => 'f 600'));
      expect(entries.map((entry) => entry.split(' ')[2])).toEqual(
        expect.arrayContaining(['in', 'out', 'err', 'epoch', 'viewer']),
      );
      expect(await run(bridge, 'touch ~/own && stat -c %a ~/own')).toBe('644\n');
    },
  );
});

const hostile = [
  ...[
    '',
    ' ',
    '$(touch /tmp/pwned)',
    '`touch /tmp/pwned`',
    ';touch /tmp/pwned;',
    '!!',
    '!$',
    '~',
    '*',
    '-n',
    '\\',
    '\\\\n',
  ],
  ...[
    `'`,
    `"`,
    `'"'"'`,
    `$'\\x41'`,
    '${HOME}',
    '\t',
    '\n',
    '\r\n',
    'a\nb',
    '\u0003',
    '\u0004',
    '\u001e',
    '\u007f',
    '\u009b31m',
  ],
  ...['grüße', '日本語', '😀', 'a'.repeat(5000)],
];

describe('hostile values', () => {
  test(
    verifies(
      'host.hostile-values',
      'of the thread key, the environment, the directory and the command arrive unchanged',
    ),
    async () => {
      const local = await startLocal();
      const pathOf = (text: string): string => text.replaceAll(/[\n\r/]/g, '');
      const cwd = `/tmp/${pathOf(hostile.slice(0, -1).join(' '))}`;
      const bridge = startBridge(local, {
        agent: [...fixture('test-agent.ts'), ...hostile],
        args: [
          ...['--thread', hostile.join(' '), '--cwd', cwd],
          ...hostile.flatMap((value, index) => ['--env', `HOSTILE_${index}=${value}`]),
        ],
      });
      await start(bridge);
      expect((await bridge.request('test/arguments')).result).toEqual(hostile);
      expect((await bridge.request('test/cwd')).result).toBe(cwd);
      expect((await bridge.request('test/env')).result).toMatchObject(
        Object.fromEntries(hostile.map((value, index) => [`HOSTILE_${index}`, value])),
      );
      expect(await run(bridge, 'ls -A /tmp | grep pwned$; true')).toBe('');
    },
  );
});

describe('a minimal container', async () => {
  const busybox = await programOf('busybox');
  const gnuTools = 'cat tail head stat mkdir rm mv sed sha1sum grep base64 stty awk'.split(' ');

  /** This machine's own tools, by these names. */
  const toolsNamed = async (names: readonly string[]): Promise<Record<string, string>> =>
    Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, (await programOf(name)) ?? ''] as const)),
    );

  const images = [
    {
      holds: 'bash and the applets of busybox',
      tools: () => (busybox === undefined ? undefined : { ...appletsOf(busybox), bash: '/bin/bash' }),
    },
    {
      holds: 'bash and busybox without its applets',
      tools: () => (busybox === undefined ? undefined : { busybox, bash: '/bin/bash' }),
    },
    { holds: 'GNU tools, awk and no setsid', tools: () => toolsNamed(['bash', ...gnuTools]) },
  ];

  test.for(images)(
    verifies(
      ['host.fallbacks', 'host.outlives-shell', 'host.takeover', 'host.exit-in-order'],
      'that holds only $holds is enough for a flood, a lost shell, a takeover, and an exit in order',
    ),
    async ({ tools }, { skip }) => {
      const image = await tools();
      if (image === undefined) {
        skip('needs busybox on the PATH (Debian package busybox)');
        return;
      }
      const local = await startLocal(await imageWith(image));
      const args = ['--thread', randomUUID()];
      const first = startBridge(local, { args });
      await start(first);
      await expectFlood(first, 3000);
      const { result: pid } = await first.request('test/pid');

      local.faults.killShell(shellIdOf(local));
      expect((await first.request('test/pid')).result).toBe(pid);
      // How far the client is goes up before the request.
      await first.request('test/seen');
      first.signal('SIGKILL');
      await first.exit;

      const second = startBridge(local, { args });
      expect((await second.request('test/pid')).result).toBe(pid);
      await second.request('test/flood', { count: 1000, size: 1000 });
      expect(numbersOf(second.take())).toEqual(upTo(1000));

      const exit = second.ask('test/exit', { code: 3, stderr: 'first\nlast words', updates: 1000 });
      const { error } = await second.answer(exit);
      expect(error?.data).toMatchObject({
        'agentcore-bridge/exitCode': 3,
        'agentcore-bridge/stderr': 'first\nlast words',
      });
      const last = second.take();
      expect(numbersOf(last)).toEqual(upTo(1000));
      expect(last.at(-1)?.id).toBe(exit);
    },
  );

  test(
    verifies(['host.missing-tool', 'cli.exit-codes'], 'without stty is reported by name, with exit code 6'),
    async () => {
      const tools = await toolsNamed(['bash', ...gnuTools.filter((name) => name !== 'stty')]);
      const bridge = startBridge(await startLocal(await imageWith(tools)));
      const answer = await start(bridge);
      expect(codeOf(answer)).toBe('host-failed');
      expect(answer.error?.message).toMatch(/image lacks stty/);
      expect(await bridge.exit).toBe(6);
      expect(bridge.stderr).toMatch(/^agentcore-bridge error: .*lacks stty.*\n$/);
    },
  );
});

describe.skipIf(!canHideBash())('an image without bash', () => {
  test(
    verifies(['host.login-shell', 'cli.exit-codes'], 'is reported by name, with exit code 6, within 15 s'),
    async () => {
      const bridge = startBridge(await startLocal({ shellCommand: withoutBash('/bin/sh') }));
      const answer = await start(bridge);
      expect(codeOf(answer)).toBe('host-failed');
      expect(answer.error?.message).toMatch(/image lacks bash/);
      expect(await bridge.exit).toBe(6);
    },
    15_000,
  );
});

describe('a shell that is killed during a turn', () => {
  test(
    verifies('host.outlives-shell', 'costs nothing: the agent goes on and all messages arrive'),
    async () => {
      const local = await startLocal();
      const bridge = startBridge(local);
      await start(bridge);
      const { result: pid } = await bridge.request('test/pid');
      bridge.take();
      const count = 10_000;
      const flood = bridge.ask('test/flood', { count, size: 1000 });
      await bridge.until(() => bridge.lines.some((line) => line.includes('"n":500,')));
      for (const n of upTo(count)) bridge.notify('test/seq', { n });
      expect(local.faults.killShell(shellIdOf(local))).toBe(true);
      await bridge.answer(flood);
      expect(numbersOf(bridge.take())).toEqual(upTo(count));
      expect((await bridge.request('test/seen')).result).toEqual({ seen: count });
      expect((await bridge.request('test/pid')).result).toBe(pid);
    },
  );
});

describe('a microVM that is reclaimed during a turn', () => {
  test(
    verifies(
      ['host.epoch', 'acp.one-answer'],
      'ends the open requests with an error, and the next request finds a new agent',
    ),
    async () => {
      const local = await startLocal();
      const bridge = startBridge(local);
      await start(bridge);
      bridge.notify('test/seq', { n: 0 });
      expect((await bridge.request('test/seen')).result).toEqual({ seen: 1 });
      const open = bridge.ask('test/hang');
      await bridge.request('test/pid');
      await local.faults.evict();
      expect(codeOf(await bridge.answer(open))).toBe('agent-lost');
      expect((await bridge.request('test/seen')).result).toEqual({ seen: 0 });
      expect(bridge.lines.filter((line) => line.includes(`"id":${open},`))).toHaveLength(1);
    },
  );
});

describe('a bridge that is killed in the middle of a line', () => {
  test(verifies('host.half-line', 'leaves no broken line for the agent'), async () => {
    const local = await startLocal();
    const args = ['--thread', randomUUID()];
    const first = startBridge(local, { args });
    await start(first);
    let sent = 0;
    const uploading = Promise.withResolvers<void>();
    local.faults.onFrame(({ direction, bytes }) => {
      sent += direction === 'in' ? bytes : 0;
      if (sent > 2_000_000) uploading.resolve();
    });
    first.notify('test/seq', { n: 0, pad: 'x'.repeat(8_000_000) });
    await uploading.promise;
    first.signal('SIGKILL');
    await first.exit;

    const second = startBridge(local, { args });
    second.notify('test/seq', { n: 0 });
    expect((await second.request('test/seen')).result).toEqual({ seen: 1 });
  });
});

describe('an agent that ends during a turn', () => {
  test(
    verifies(
      ['host.exit-in-order', 'acp.one-answer'],
      'is reported behind its last output, with its status and the end of its stderr',
    ),
    async () => {
      const bridge = startBridge(await startLocal());
      await start(bridge);
      bridge.take();
      const hanging = bridge.ask('test/hang');
      const stderr = `${'x'.repeat(5000)}\nlast words`;
      const exit = bridge.ask('test/exit', { code: 7, stderr, updates: 5000 });
      const { error } = await bridge.answer(exit);
      expect(error?.message).toMatch(/exit code 7.*last words/);
      expect(error?.data?.['agentcore-bridge/stderr']).toHaveLength(2000);
      const messages = bridge.take();
      expect(numbersOf(messages)).toEqual(upTo(5000));
      expect(messages.slice(-2).map(({ id }) => id)).toEqual([hanging, exit]);
      // The next message starts it anew.
      expect((await bridge.request('test/seen')).result).toEqual({ seen: 0 });
    },
  );
});

describe('an agent that ends at once', () => {
  test(
    verifies('host.exit-in-order', 'is reported to have ended, also if its host is slow to look'),
    async () => {
      const tools = await mkdtemp(join(tmpdir(), 'agentcore-tools-'));
      endLater(() => rm(tools, { recursive: true }));
      // The agent is gone before the host looks for it.
      await writeFile(join(tools, 'setsid'), '#!/bin/bash\n/usr/bin/setsid "$@"\nsleep 1\n', { mode: 0o755 });
      const local = await startLocal({
        containerEnv: { PATH: `${tools}:/usr/bin:/bin` },
        imagePaths: [repository, tools],
      });
      const bridge = startBridge(local, { agent: ['bash', '-c', 'exit 9'] });
      const answer = await start(bridge);
      expect(answer.error?.message).not.toMatch(/could not be started in the microVM/);
      expect(answer.error?.data).toMatchObject({ 'agentcore-bridge/exitCode': 9 });
    },
  );
});
