import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { quote } from '../../../src/agent/host/quote.ts';
import { BridgeError } from '../../../src/base/errors.ts';
import type { LocalAgentCoreOptions } from '../../../src/local/options.ts';
import { imageWith, programOf } from '../../e2e/image.ts';
import { startLocal } from '../../e2e/stage.ts';
import { verifies } from '../../requirements.ts';
import { localVm } from '../local-vm.ts';
import { attach, type Attached, type AttachOptions, startMicroVm } from '../stage.ts';
import { images, whyNoImage } from './images.ts';
import { run, runLines } from './run-lines.ts';

async function start(options: LocalAgentCoreOptions = {}) {
  const local = await startLocal(options);
  const vm = localVm(local);
  return {
    vm,
    local,
    bridge: (attachOptions: AttachOptions = {}): Attached => attach(vm, runLines, attachOptions),
    /** Has the microVM reclaimed, and waits until the link knows of it: at rest it lets go, else it finds a new one. */
    evict: async ({ heard, until }: Attached): Promise<void> => {
      const epochs = heard.epochs.length;
      await local.faults.evict();
      await until(() => heard.epochs.length > epochs || heard.states.at(-1) === 'idle');
    },
    /** Lets go of the shell at rest, and has the microVM reclaimed. */
    reclaim: async ({ link }: Attached): Promise<void> => {
      link.atRest(true);
      link.letGo();
      await vm.left();
      link.atRest(false);
      await local.faults.evict();
    },
  };
}

const crash = new BridgeError('agent-exited', 'the agent was ended');
const saved = '/mnt/workspace/.agentcore-bridge/*';

describe('notes', () => {
  test(
    verifies('host.notes', 'reach the next bridge; that of the thread is kept beyond agents and the microVM'),
    async () => {
      const { bridge, reclaim } = await start();
      const agent = 'says "hello"\u001e;\n\u0003 grüße';
      const thread = `{"pad":"${'é'.repeat(128 * 1024)}"}`;
      const first = bridge();
      await run(first, 'true');
      expect(first.heard.epochs[0]?.notes).toEqual({ agent: undefined, thread: undefined });
      first.link.note('agent', 'an old one');
      first.link.note('agent', agent);
      first.link.note('thread', 'an old one');
      await run(first, 'true');
      first.link.note('thread', thread);
      await first.link.close(5000);

      const second = bridge();
      expect(await run(second, 'echo 1')).toEqual(['1']);
      expect(second.heard.epochs).toMatchObject([{ origin: 'found', notes: { agent, thread } }]);
      second.link.restart(crash);
      await second.until(() => second.heard.epochs.length === 2);
      expect(second.heard.epochs[1]).toMatchObject({ cause: crash, notes: { agent: undefined, thread } });

      await reclaim(second);
      const third = bridge();
      expect(await run(third, 'echo 1')).toEqual(['1']);
      expect(third.heard.epochs).toMatchObject([
        { origin: 'started', keeping: 'kept', notes: { agent: undefined, thread } },
      ]);
    },
  );

  test(verifies('host.notes', 'of a thread are left again if the host has lost them'), async () => {
    const { evict, bridge } = await start();
    const first = bridge();
    await run(first, 'true');
    first.link.note('thread', 'mine');
    await run(first, 'true');
    await evict(first);
    await run(first, 'true');
    expect(first.heard.epochs[1]).toMatchObject({ cause: { code: 'agent-lost' }, notes: { thread: 'mine' } });
    await first.link.close(5000);
    const second = bridge();
    await run(second, 'true');
    expect(second.heard.epochs[0]?.notes.thread).toBe('mine');
  });

  test('are sent before all lines that wait, also after the agent has ended', async () => {
    const vm = startMicroVm();
    const first = attach(vm, 'read l; exit 1');
    first.say('go');
    await first.until(() => first.heard.exits.length === 1);
    first.link.note('thread', 'x'.repeat(200_000));
    await first.link.close(5000);
    const second = attach(vm, 'cat');
    second.say('one');
    await second.until(() => second.heard.lines.includes('one'));
    expect(second.heard.epochs.map(({ notes }) => notes.thread?.length)).toEqual([200_000, 200_000]);
    expect(second.heard.epochs.map(({ keeping }) => keeping)).toEqual(['no-mount', 'no-mount']);
  });
});

describe('what the agent remembers', () => {
  test.for(images)(
    verifies(
      ['host.keep', 'host.hostile-values', 'host.fallbacks'],
      'is kept beyond the microVM in an image that holds $holds: directories and files with any names',
    ),
    async ({ options }, { skip }) => {
      const image = await options();
      if (image === undefined) {
        skip(whyNoImage);
        return;
      }
      const { bridge, reclaim } = await start(image);
      const hostile = [
        `it's "$(touch pwned)" \\n`,
        '-rf',
        '--checkpoint=1',
        '*',
        'grüße',
        'a\nb',
        '\u0003',
        ' ',
      ];
      const persist = ['.agent/', '.agent.json', 'not there', 'deep/er/file', ...hostile];
      const first = bridge({ persist });
      await run(first, 'cd; mkdir -p .agent/empty .agent/sub deep/er; echo one >.agent/sub/.hidden');
      await run(
        first,
        'echo two >.agent.json; chmod 600 .agent.json; echo 3 >deep/er/file; echo 4 >deep/er/other',
      );
      await run(first, 'mkfifo .agent/pipe; ln -s sub .agent/link; chmod 750 .agent/sub');
      for (const name of hostile) await run(first, `echo kept >./${quote(name)}`);
      await reclaim(first);

      const second = bridge({ persist });
      const read = 'cd; cat .agent/sub/.hidden .agent/link/.hidden .agent.json deep/er/*';
      expect(await run(second, read)).toEqual(['one', 'one', 'two', '3']);
      const look = 'echo .agent/*; stat -c %a .agent.json .agent/sub';
      expect(await run(second, look)).toEqual(['.agent/empty .agent/link .agent/sub', '600', '750']);
      for (const name of hostile) expect(await run(second, `cat ./${quote(name)}`)).toEqual(['kept']);
      expect(await run(second, '[ -e pwned ] || echo unharmed')).toEqual(['unharmed']);
      expect(second.heard.epochs).toMatchObject([{ origin: 'started', keeping: 'kept', cause: undefined }]);
    },
  );

  test(
    verifies(
      'host.keep',
      'in a database with a write-ahead log is saved whole at rest, and not while a turn is open',
    ),
    async () => {
      const { bridge, reclaim, vm } = await start();
      const first = bridge({ persist: ['.agent'] });
      await run(first, 'mkdir ~/.agent; cd ~/.agent; echo 1 >file; echo 2 >odd; echo 3 >odd-wal');
      // A process of its own holds the database open, so that its log is not written back.
      const open = [
        'const db = new (require("node:sqlite").DatabaseSync)("state.db")',
        'db.exec("pragma journal_mode = wal; create table t (n); insert into t values (41), (1)")',
        'console.log("open"); setInterval(() => {}, 1e6)',
      ].join(';');
      await run(first, `coproc { exec ${node} -e '${open}' 2>/dev/null; }; read -u \${COPROC[0]} x`);
      expect(await run(first, '[ -s state.db-wal ] && echo *')).toEqual([
        'file odd odd-wal state.db state.db-shm state.db-wal',
      ]);
      first.link.letGo();
      await vm.left();
      expect(await run(first, `cd ${saved}; echo *; tar -tf files.tar`)).toEqual([
        'files.tar',
        './.agent/',
        './.agent/file',
      ]);
      await reclaim(first);

      const second = bridge({ persist: ['.agent'] });
      const sum = `new (require("node:sqlite").DatabaseSync)("state.db").prepare("select sum(n) as n from t").get().n`;
      const read = `cd ~/.agent; ${node} -p '${sum}' 2>/dev/null; cat file odd odd-wal`;
      expect(await run(second, read)).toEqual(['42', '1', '2', '3']);
    },
  );

  test(
    verifies('host.keep', 'is saved a second after the agent came to rest, and when it ends'),
    async () => {
      const { bridge, evict } = await start();
      const { link, ...first } = bridge({ persist: ['state'] });
      const agent = { link, ...first };
      await run(agent, 'echo at rest >~/state');
      link.atRest(true);
      await run(agent, `until [ -s ${saved}/files.tar ]; do sleep .01; done`);
      await evict(agent);
      expect(await run(agent, 'cat ~/state')).toEqual(['at rest']);
      link.atRest(false);
      await run(agent, 'echo at its end >~/state');
      agent.say('exit 3');
      await agent.until(() => agent.heard.exits.length === 1);
      // Who starts the next one waits for the save of the last.
      await run(agent, 'true');
      await evict(agent);
      expect(await run(agent, 'cat ~/state')).toEqual(['at its end']);
    },
  );

  test(verifies('host.keep', 'is restored from the last whole save if a save was cut off'), async () => {
    const { bridge, reclaim, evict } = await start();
    const options = { persist: ['state'], env: { PATH: '/tmp/tools:/usr/bin:/bin' } };
    const first = bridge(options);
    await run(first, 'echo whole >~/state');
    await reclaim(first);
    // In the next microVM tar writes half of it and goes no further.
    const script = [
      '#!/bin/bash',
      '[ $1 = -c ] || exec /usr/bin/tar "$@"',
      '/usr/bin/tar "$@" | head -c 600; echo >/tmp/half; exec sleep 1000',
    ];
    const write = `printf '%s\\n' ${script.map(quote).join(' ')} >/tmp/tools/tar; chmod 755 /tmp/tools/tar`;
    await run(first, `mkdir /tmp/tools; ${write}; echo half >~/state`);
    first.link.atRest(true);
    await run(first, 'until [ -e /tmp/half ]; do sleep .01; done');
    expect(await run(first, `cd ${saved}; stat -c %s files.tar.new; echo *.tar*`)).toEqual([
      '600',
      'files.tar files.tar.new',
    ]);
    await evict(first);
    expect(await run(first, 'cat ~/state')).toEqual(['whole']);
  });

  test(verifies('host.keep', "replaces the image's files, and no newer ones"), async () => {
    const { bridge, reclaim, vm } = await start();
    const persist = ['older', 'newer'];
    const first = bridge({ persist });
    await run(first, 'echo saved | tee ~/older ~/newer');
    await reclaim(first);
    const neighbour = attach(vm.neighbour, runLines);
    await run(neighbour, 'echo here | tee ~/older ~/newer; touch -d 2020-01-01 ~/older');
    await neighbour.link.close(5000);
    const second = bridge({ persist });
    expect(await run(second, 'cat ~/older ~/newer')).toEqual(['saved', 'here']);
    // Of its own microVM, a new agent is given nothing back.
    await run(second, 'rm ~/older');
    second.link.restart(crash);
    expect(await run(second, 'cat ~/older; echo nothing')).toEqual(['nothing']);
  });

  test(
    verifies('host.keep', 'is put aside if it cannot be read, so that no later save overwrites it'),
    async () => {
      const { bridge, reclaim } = await start();
      const persist = ['state'];
      const first = bridge({ persist });
      await run(first, 'echo one >~/state');
      await reclaim(first);
      await run(first, `cd ${saved}; head -c 600 files.tar >cut; mv cut files.tar; echo two >~/state`);
      // No save takes the place of what is damaged.
      const [thread] = await run(first, `cd ${saved}; echo $PWD`);
      await run(first, `mkdir ${thread}/files.tar.new`);
      await reclaim(first);
      expect(
        await run(first, `rmdir ${thread}/files.tar.new; cat ${thread}/files.tar.bad | head -c 2; echo`),
      ).toEqual(['./']);
    },
  );

  test(
    verifies('host.keep', 'is restored for the next agent if storage was mounted too late for one'),
    async () => {
      const { bridge, reclaim, vm } = await start();
      const persist = ['state', 'other'];
      const first = bridge({ persist });
      await run(first, 'echo saved | tee ~/state ~/other');
      await reclaim(first);
      const neighbour = attach(vm.neighbour, runLines);
      await run(
        neighbour,
        'cd /; mkdir /tmp/s; mount --bind /mnt/workspace /tmp/s; umount -l /mnt/workspace',
      );
      const second = bridge({ persist, workspaceTimeoutMs: 1 });
      await run(second, 'cd /; echo newer >~/state');
      expect(second.heard.epochs).toMatchObject([{ keeping: 'late' }]);
      await run(neighbour, 'mount --bind /tmp/s /mnt/workspace');
      second.link.restart(crash);
      expect(await run(second, 'cat ~/state ~/other')).toEqual(['newer', 'saved']);
      expect(second.heard.epochs).toMatchObject([{}, { keeping: 'kept' }]);
      // What was not put in the place of the newer one is not taken for it.
      await neighbour.link.close(5000);
      await reclaim(second);
      expect(await run(second, 'cat ~/state ~/other')).toEqual(['newer', 'saved']);
    },
  );

  test(verifies('host.keep', 'stays where it is if that is on the mount already'), async () => {
    const { bridge, reclaim } = await start();
    const options = { persist: ['state', 'dir'], env: { HOME: '/mnt/workspace/home' } };
    const first = bridge(options);
    await run(first, 'mkdir ~/dir; echo 1 | tee ~/state ~/dir/file');
    await reclaim(first);
    const second = bridge(options);
    expect(await run(second, `cat ~/state ~/dir/file; ls ${saved}`)).toEqual(['1', '1']);
  });

  test(verifies('host.keep', 'is not saved without tar, and that is reported; notes are saved'), async () => {
    const names = 'bash awk cat tail head stat mkdir rm sed sha1sum grep base64 stty mv'.split(' ');
    const tools = await Promise.all(
      names.map(async (name) => [name, (await programOf(name)) ?? ''] as const),
    );
    const { bridge, reclaim } = await start(await imageWith(Object.fromEntries(tools)));
    const first = bridge({ persist: ['state'] });
    await run(first, 'echo 1 >~/state');
    first.link.note('thread', 'kept');
    await reclaim(first);
    const second = bridge({ persist: ['state'] });
    expect(await run(second, '[ -e ~/state ] || echo gone')).toEqual(['gone']);
    expect(second.heard.epochs).toMatchObject([{ keeping: 'no-tar', notes: { thread: 'kept' } }]);
  });
});

describe('a link that lets go of its shell', () => {
  test('comes back for the next line, to the same agent and without loss', async () => {
    const { bridge, vm } = await start();
    const { heard, link, ...rest } = bridge();
    const agent = { heard, link, ...rest };
    const [pid] = await run(agent, 'echo $$');
    for (const n of ['1', '2', '3']) {
      agent.say(`echo ${n}; sleep .2; echo late ${n}`);
      link.letGo();
      await vm.left();
      link.letGo();
      expect(heard.states.at(-1)).toBe('idle');
      await run(agent, `echo again ${n}`);
    }
    const said = heard.lines.filter((line) => !line.startsWith('ran '));
    expect(said).toEqual([pid, ...['1', '2', '3'].flatMap((n) => [n, `late ${n}`, `again ${n}`])]);
    expect(heard.epochs).toHaveLength(1);
    expect(heard.failures).toEqual([]);
  });

  test('stays if there is more to send meanwhile', async () => {
    const { bridge } = await start();
    const agent = bridge();
    await run(agent, 'true');
    agent.link.letGo();
    expect(await run(agent, 'echo 1')).toEqual(['1']);
    expect(agent.heard.states.at(-1)).toBe('attached');
  });

  test('finds a new agent if the microVM was reclaimed meanwhile', async () => {
    const { bridge, vm, local } = await start();
    const agent = bridge();
    await run(agent, 'true');
    agent.link.letGo();
    await vm.left();
    await local.faults.evict();
    expect(await run(agent, 'echo 1')).toEqual(['1']);
    expect(agent.heard.epochs).toMatchObject([{}, { origin: 'started', cause: { code: 'agent-lost' } }]);
  });
});

const node = process.execPath;
