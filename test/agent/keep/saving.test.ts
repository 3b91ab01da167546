import { describe, expect, test } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { createLog, type Log } from '../../../src/base/log.ts';
import { startLocal } from '../../e2e/stage.ts';
import { verifies } from '../../requirements.ts';
import { localVm } from '../local-vm.ts';
import { attach, type Attached, type AttachOptions } from '../stage.ts';
import { images, whyNoImage } from './images.ts';
import { run, runLines } from './run-lines.ts';

const archives = '/mnt/workspace/.agentcore-bridge/*';
/** All tools of this machine, for what a test does. */
const tools = 'PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin';

/** A microVM whose session storage holds no more than this, such as `12m`. */
async function startWith(size: string, image: (typeof images)[number]['options'] = async () => ({})) {
  const options = await image();
  if (options === undefined) return undefined;
  const vm = localVm(await startLocal(options));
  const neighbour = attach(vm.neighbour, runLines);
  await run(neighbour, `cd /; ${tools}`);
  await run(neighbour, `mount -t tmpfs -o size=${size},mode=777 storage /mnt/workspace`);
  await neighbour.link.close(5000);
  return {
    bridge: (attachOptions: AttachOptions = {}): Attached =>
      attach(vm, `${tools}; cd; ${runLines}`, { persist: ['.agent'], ...attachOptions }),
    /** Has it saved what the agent remembers, as is done before the shell is let go of. */
    save: async ({ link }: Attached): Promise<void> => {
      link.atRest(true);
      link.letGo();
      await vm.left();
      link.atRest(false);
    },
    /** Starts the next agent with an empty HOME, and with nothing saved of the last one's end, as in a new microVM. */
    renew: async (agent: Attached): Promise<void> => {
      const thread = `/tmp/.agentcore-bridge-$UID/${vm.thread}`;
      await run(agent, `read -r W w G g <${thread}/*/pid; kill -9 $W`);
      await run(agent, `rm -rf ~/.agent ${thread}/{restored,prints}`);
      agent.link.restart(new BridgeError('agent-exited', 'the agent was ended'));
      const { heard, until } = agent;
      const epochs = heard.epochs.length;
      await until(() => heard.epochs.length > epochs);
    },
  };
}

/** The same, with GNU's tools. */
async function startOnGnu(size: string) {
  const stage = await startWith(size);
  if (stage === undefined) throw new Error('an image with the tools of this machine can be made anywhere');
  return stage;
}

/** A log, and the warnings that were written to it. */
function recordingLog(): { readonly log: Log; readonly warnings: () => string[] } {
  const written: string[] = [];
  const log = createLog({ level: 'warn', format: 'text', write: (line) => void written.push(line) });
  return { log, warnings: () => written };
}

const fileOfMegabyte = (name: string): string => `head -c 1048576 /dev/urandom >~/.agent/${name}`;

describe('a save', () => {
  test.for(images)(
    verifies(
      'host.storage-room',
      'writes only what has changed, so that 8 MB fit in 12 MB of storage, in an image that holds $holds',
    ),
    async ({ options }, { skip }) => {
      const stage = await startWith('12m', options);
      if (stage === undefined) {
        skip(whyNoImage);
        return;
      }
      const { bridge, renew, save } = stage;
      const agent = bridge();
      await run(agent, 'mkdir -p ~/.agent/dir; echo 1 >~/.agent/small; echo 2 >~/.agent/dir/small');
      for (let n = 0; n < 7; n += 1) await run(agent, fileOfMegabyte(`large${n}`));
      await run(agent, 'head -c 900000 /dev/urandom >~/.agent/state.db; echo log >~/.agent/state.db-wal');
      await save(agent);
      const look = `cd ${archives} && stat -c '%n %i' *.tar`;
      const first = await run(agent, look);
      // Seven files, a database with its log, and all the rest.
      expect(first).toHaveLength(9);

      let last = first;
      for (const change of [
        fileOfMegabyte('large3'),
        'echo more >>~/.agent/state.db-wal',
        'echo 3 >~/.agent/dir/small',
        `${fileOfMegabyte('large6')}; chmod 600 ~/.agent/large6`,
      ]) {
        await run(agent, change);
        await save(agent);
        const now = await run(agent, look);
        expect(now).toHaveLength(9);
        expect(now.filter((archive) => !last.includes(archive))).toHaveLength(1);
        last = now;
      }
      await save(agent);
      expect(await run(agent, look)).toEqual(last);

      const sums = 'cd; find .agent -type f -exec sha1sum {} + | sort';
      const whole = await run(agent, sums);
      expect(whole).toHaveLength(11);
      await renew(agent);
      expect(await run(agent, sums)).toEqual(whole);
      await save(agent);
      // Nothing has changed since it was restored.
      expect(await run(agent, look)).toEqual(last);

      await run(agent, 'rm ~/.agent/large0; echo now small >~/.agent/large1; rm ~/.agent/state.db*');
      await save(agent);
      // Two files less that are large, no database, and a change to the rest.
      const rest = await run(agent, look);
      expect(rest).toHaveLength(6);
      expect(rest.filter((archive) => !last.includes(archive))).toHaveLength(1);
      expect(await run(agent, `cd ${archives}; ls *.new; echo none`)).toEqual(['none']);
    },
  );

  test(
    verifies('host.save-failures', 'for which storage has no room is reported once, until one has succeeded'),
    async () => {
      const { bridge, save } = await startOnGnu('2m');
      const { log, warnings } = recordingLog();
      const agent = bridge({ log });
      await run(
        agent,
        'mkdir ~/.agent; echo 1 >~/.agent/small; head -c 3000000 /dev/urandom >~/.agent/large',
      );
      await save(agent);
      expect(agent.heard.saves).toEqual(['full']);
      // What there was room for is saved, and nothing is left of the rest.
      expect(await run(agent, `cd ${archives}; ls -A`)).toEqual(['files.tar']);
      await run(agent, 'echo 2 >~/.agent/small');
      await save(agent);
      expect(agent.heard.saves).toEqual(['full']);
      expect(warnings()).toEqual([expect.stringMatching(/could not be saved.*full/)]);

      const later = bridge();
      await run(later, 'true');
      expect(later.heard.saves).toEqual(['full']);
      await run(later, 'rm ~/.agent/large');
      await save(later);
      expect(later.heard.saves).toEqual(['full', 'ok']);
    },
  );

  test(
    verifies('host.save-failures', 'removes saves of files that are gone if it needs their room'),
    async () => {
      const { bridge, save } = await startOnGnu('12m');
      const agent = bridge();
      await run(agent, 'mkdir ~/.agent; head -c 8000000 /dev/urandom >~/.agent/large');
      await save(agent);
      await run(agent, 'mv ~/.agent/large ~/.agent/renamed; head -c 900000 /dev/zero >~/.agent/small');
      await save(agent);
      expect(agent.heard.saves).toEqual([]);
      expect(await run(agent, `cd ${archives}; for a in *.tar; do tar -tf $a; done | sort`)).toEqual([
        './.agent/',
        './.agent/renamed',
        './.agent/small',
      ]);
    },
  );

  test(
    verifies(
      'host.save-failures',
      'that fails for another reason, also when the agent has ended, is reported as well',
    ),
    async () => {
      const { bridge } = await startOnGnu('2m');
      const agent = bridge();
      await run(agent, 'mkdir ~/.agent; echo 1 >~/.agent/small; mount -o remount,ro /mnt/workspace');
      agent.say('exit 3');
      await agent.until(() => agent.heard.exits.length === 1);
      await run(agent, 'true');
      expect(agent.heard.saves).toEqual(['failed']);
    },
  );
});
