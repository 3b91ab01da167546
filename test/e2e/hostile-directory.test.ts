import { expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { begun, startBridge, startLocal } from './stage.ts';

test(
  verifies('host.private-files', 'a host directory that is a link is not used: another one is made'),
  async () => {
    const local = await startLocal();
    const options = { args: ['--thread', 'one'] };
    const first = await begun(startBridge(local, options));
    const { result: pid } = await first.request('test/pid');
    const lure = 'cd /tmp && D=$(echo .agentcore-bridge-*) && mv $D lure && ln -s lure $D && ls -d lure';
    expect((await first.request('test/run', { command: lure })).result).toBe('lure\n');
    first.endInput();
    await first.exit;

    const second = await begun(startBridge(local, options));
    expect((await second.request('test/pid')).result).not.toBe(pid);
    const { result: found } = await second.request('test/run', {
      command: 'stat -c "%F %a" ~/.agentcore-bridge-*',
    });
    expect(found).toBe('directory 700\n');
  },
);
