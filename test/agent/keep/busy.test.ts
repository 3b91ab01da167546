import { describe, expect, test } from 'vitest';
import { startLocal } from '../../e2e/stage.ts';
import { verifies } from '../../requirements.ts';
import { localVm } from '../local-vm.ts';
import { attach, type Attached } from '../stage.ts';
import { images, whyNoImage } from './images.ts';
import { run, runLines } from './run-lines.ts';

/** All tools of this machine, for what a test does. */
const tools = 'PATH=$PATH:/usr/bin:/bin';
const directory = '/tmp/.agentcore-bridge-$UID-busy';
const until = (condition: string): string => `until ${condition}; do sleep .02; done`;

describe('the file that shows an open turn', () => {
  test.for(images)(
    verifies(
      ['host.busy', 'host.fallbacks'],
      'can be read by other users, also while no bridge is attached, until the turn ends, in an image that holds $holds',
    ),
    async ({ options }, { skip }) => {
      const image = await options();
      if (image === undefined) {
        skip(whyNoImage);
        return;
      }
      const vm = localVm(await startLocal(image));
      const bridge = (): Attached => attach(vm, `${tools}; ${runLines}`);
      const file = `${directory}/${vm.thread}`;
      const first = bridge();
      await run(first, `[ ! -e ${file} ]`);
      const before = Math.floor(Date.now() / 1000);
      first.link.atRest(false);
      await run(first, until(`[ -s ${file} ]`));
      expect(await run(first, `stat -c %a ${directory} ${file}`)).toEqual(['755', '644']);
      const since = Number((await run(first, `cat ${file}`))[0]);
      expect(since).toBeGreaterThanOrEqual(before);
      expect(since).toBeLessThanOrEqual(Date.now() / 1000);
      // What is said moves its time, and not what it says.
      await run(first, `touch -d @1000000000 ${file}; echo`);
      await run(first, until(`[ $(stat -c %Y ${file}) -ge ${before} ]`));
      expect(await run(first, `cat ${file}`)).toEqual([String(since)]);
      await first.link.close(5000);

      // A later bridge that knows nothing of the turn does not end it.
      const second = bridge();
      expect(await run(second, `cat ${file}`)).toEqual([String(since)]);
      second.link.atRest(true);
      await run(second, until(`[ ! -e ${file} ]`));
    },
  );

  test.for([
    { end: 'exit 3', how: 'ends' },
    { end: `read -r W _ </tmp/.agentcore-bridge-$UID/$THREAD/*/pid; kill -9 $W`, how: 'loses its host' },
  ])(verifies('host.busy', 'is removed when the agent $how'), async ({ end }) => {
    const vm = localVm(await startLocal());
    const neighbour = attach(vm.neighbour, runLines);
    const agent = attach(vm, `${tools}; THREAD=${vm.thread}; ${runLines}`);
    const file = `${directory}/${vm.thread}`;
    agent.link.atRest(false);
    await run(agent, until(`[ -e ${file} ]`));
    agent.say(end);
    await run(neighbour, until(`[ ! -e ${file} ]`));
  });

  test(verifies('host.busy', 'is made again for the next agent while a turn is open'), async () => {
    const vm = localVm(await startLocal());
    const agent = attach(vm, runLines);
    const file = `${directory}/${vm.thread}`;
    agent.link.atRest(false);
    await run(agent, until(`[ -e ${file} ]`));
    agent.say('exit 3');
    await agent.until(() => agent.heard.exits.length === 1);
    await run(agent, until(`[ -e ${file} ]`));
    expect(agent.heard.epochs).toHaveLength(2);
  });
});
