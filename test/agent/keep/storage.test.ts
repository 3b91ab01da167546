import { describe, expect, test } from 'vitest';
import type { LocalAgentCoreOptions } from '../../../src/local/options.ts';
import { startLocal } from '../../e2e/stage.ts';
import { verifies } from '../../requirements.ts';
import { localVm } from '../local-vm.ts';
import { attach, type Attached, type AttachOptions } from '../stage.ts';
import { images, whyNoImage } from './images.ts';
import { run, runLines } from './run-lines.ts';

/** A microVM, made other than it is by what runs in it: a line of bash, as root, with all tools of this machine. */
async function startWith(
  line: string,
  options: LocalAgentCoreOptions = {},
): Promise<{
  readonly first: Attached;
  readonly bridge: (options?: AttachOptions) => Attached;
}> {
  const vm = localVm(await startLocal(options));
  const first = attach(vm.neighbour, `PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin; ${runLines}`);
  // Nothing of it is to be in a directory that is unmounted.
  await run(first, `cd /; ${line}`);
  return { first, bridge: (options = {}) => attach(vm, runLines, { persist: ['state'], ...options }) };
}

type Image = (typeof images)[number]['options'];

/** The same in such an image; skips the test where there is none. */
function starter(image: Image) {
  return async (
    { skip }: { readonly skip: (why: string) => never },
    line: string,
  ): ReturnType<typeof startWith> => startWith(line, (await image()) ?? skip(whyNoImage));
}

const provisions = async (agent: Attached): Promise<unknown> => {
  const [cwd] = await run(agent, 'echo $PWD');
  const [{ keeping } = {}] = agent.heard.epochs;
  return { cwd, keeping };
};
const home = '/home/agentcore-runtime-user';

describe('the place for what the agent remembers', () => {
  const shared =
    'umount -l /mnt/workspace; rmdir /mnt/workspace; mkdir -p /mnt/a-b /tmp/s; mount --bind /tmp/s /mnt/a-b';

  test(verifies('host.shared-mounts', 'is no mount that nobody named'), async () => {
    const { bridge } = await startWith(shared);
    const agent = bridge();
    expect(await provisions(agent)).toEqual({ cwd: home, keeping: 'no-mount' });
    expect(await run(agent, 'ls -A /mnt/a-b')).toEqual([]);
  });

  test(verifies('host.shared-mounts', 'is the mount of the working directory'), async () => {
    const { bridge } = await startWith(shared);
    const agent = bridge({ cwd: '/mnt/a-b/project' });
    expect(await provisions(agent)).toEqual({ cwd: '/mnt/a-b/project', keeping: 'kept' });
    expect(await run(agent, 'ls -A /mnt/a-b')).toEqual(['.agentcore-bridge', 'project']);
  });

  test(
    verifies('host.shared-mounts', 'is the mount /mnt/workspace rather than that of the working directory'),
    async () => {
      const { bridge } = await startWith('mkdir -p /mnt/a-b /tmp/s; mount --bind /tmp/s /mnt/a-b');
      const agent = bridge({ cwd: '/mnt/a-b/project' });
      expect(await provisions(agent)).toEqual({ cwd: '/mnt/a-b/project', keeping: 'kept' });
      expect(await run(agent, 'ls -A /mnt/a-b /mnt/workspace')).toEqual([
        '/mnt/a-b:',
        'project',
        '/mnt/workspace:',
        '.agentcore-bridge',
      ]);
    },
  );

  test(
    verifies('host.shared-mounts', 'is the directory that the user named, if it is on a mount'),
    async () => {
      const { bridge } = await startWith('mkdir -p /mnt/a-b /tmp/s; mount --bind /tmp/s /mnt/a-b');
      const agent = bridge({ persistTo: '/mnt/a-b/kept/here' });
      expect(await provisions(agent)).toEqual({ cwd: '/mnt/workspace', keeping: 'kept' });
      const [place = ''] = await run(agent, 'echo /mnt/*/*/*/.agentcore-bridge/* /mnt/*/.agentcore-bridge/*');
      // The one on /mnt/workspace is the neighbour's.
      expect(place).toMatch(
        /^\/mnt\/a-b\/kept\/here\/\.agentcore-bridge\/\S+ \/mnt\/workspace\/\.agentcore-bridge\/\S+$/,
      );
      const other = await startWith('true');
      expect(await provisions(other.bridge({ persistTo: '/kept' }))).toMatchObject({ keeping: 'no-mount' });
    },
  );
});

describe('the directory of a thread', () => {
  test(
    verifies('host.storage-room', 'is never on session storage, even if HOME is and /tmp cannot be written'),
    async () => {
      const { bridge } = await startWith('mount -t tmpfs -o ro none /tmp; mount -t tmpfs none /var/tmp', {
        shellCommand: ['/usr/bin/env', 'HOME=/mnt/workspace', '/bin/bash'],
      });
      const agent = bridge();
      expect(await run(agent, 'ls -A /var/tmp')).toEqual([expect.stringMatching(/^\.agentcore-bridge-\d+$/)]);
      expect(await run(agent, 'ls -A /mnt/workspace')).toEqual(['.agentcore-bridge']);
    },
  );
});

describe.each(images)(
  'session storage that is not mounted yet, in an image that holds $holds',
  ({ options }) => {
    const start = starter(options);

    test(
      verifies(['host.late-storage', 'host.fallbacks'], 'delays the start of the agent'),
      async (context) => {
        const { bridge, first } = await start(context, 'umount -l /mnt/workspace');
        first.say(
          'until [ -e /tmp/.agentcore-bridge-*/started ]; do sleep .01; done; mkdir /tmp/s; mount --bind /tmp/s /mnt/workspace',
        );
        const agent = bridge();
        expect(await provisions(agent)).toEqual({ cwd: '/mnt/workspace', keeping: 'kept' });
        await run(agent, 'echo 1 >file');
        expect(await run(agent, 'cat /tmp/s/file')).toEqual(['1']);
      },
    );

    test(
      verifies(['host.late-storage', 'host.fallbacks'], 'delays it no longer than the option allows'),
      async (context) => {
        const { bridge } = await start(context, 'umount -l /mnt/workspace');
        expect(await provisions(bridge({ workspaceTimeoutMs: 1 }))).toEqual({
          cwd: '/mnt/workspace',
          keeping: 'late',
        });
      },
    );

    test.for([
      { image: 'has no such directory', line: 'umount -l /mnt/workspace; rmdir /mnt/workspace', cwd: home },
      {
        image: 'has something in it',
        line: 'umount -l /mnt/workspace; echo 1 >/mnt/workspace/file',
        cwd: '/mnt/workspace',
      },
    ])(
      verifies(['host.late-storage', 'host.fallbacks'], 'does not delay it if the image $image'),
      async ({ line, cwd }, context) => {
        const { bridge } = await start(context, line);
        const agent = bridge({ workspaceTimeoutMs: 24 * 3_600_000 });
        expect(await provisions(agent)).toEqual({ cwd, keeping: 'no-mount' });
        expect(await run(agent, '[ -e /tmp/.agentcore-bridge-*/started ] || echo none')).toEqual(['none']);
      },
    );
  },
);

describe.each(images)(
  "an environment of the container's first process that can not be read, in an image that holds $holds",
  ({ options }) => {
    const start = starter(options);

    const hidden = ': >/tmp/none; mount --bind /tmp/none /proc/1/environ; mount -t tmpfs etc /etc';
    const tell = 'echo "$FROM_IMAGE" "$OTHER"';

    test(
      verifies(
        ['host.poor-environment', 'host.fallbacks'],
        "is replaced by that of the user's oldest process, but not of an agent",
      ),
      async (context) => {
        const { bridge } = await start(
          context,
          `${hidden}; for n in 1 2; do env -i FROM_IMAGE=$n sleep 1000 2>/dev/null >&2 & sleep .05; done`,
        );
        const agent = bridge();
        expect(await run(agent, tell)).toEqual(['1 ']);
        expect(agent.heard.epochs).toMatchObject([{ environment: 'found' }]);
      },
    );

    test.for([
      { form: 'lines', text: String.raw`FROM_IMAGE=1 "2" $3\n# a comment\n\nOTHER=x=y` },
      { form: 'NUL behind each variable', text: String.raw`FROM_IMAGE=1 "2" $3\0OTHER=x=y\0` },
    ])(
      verifies(['host.poor-environment', 'host.fallbacks'], 'is replaced by a file of the image: $form'),
      async ({ text }, context) => {
        const { bridge } = await start(
          context,
          `${hidden}; mkdir /etc/agentcore-bridge; printf '${text}' >/etc/agentcore-bridge/environ`,
        );
        const agent = bridge();
        expect(await run(agent, tell)).toEqual(['1 "2" $3 x=y']);
        expect(agent.heard.epochs).toMatchObject([{ environment: 'found' }]);
      },
    );

    test(
      verifies(['host.poor-environment', 'host.fallbacks'], 'is reported if there is no other'),
      async (context) => {
        const { bridge } = await start(context, hidden);
        const agent = bridge();
        await run(agent, 'true');
        expect(agent.heard.epochs).toMatchObject([{ environment: 'none' }]);
      },
    );
  },
);
