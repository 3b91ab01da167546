import { expect, test } from 'vitest';
import { threadIds } from '../../src/agent/thread-ids.ts';
import { verifies } from '../requirements.ts';
import { runBin } from './run-bin.ts';

test.each(['discord:123:456', ' ', '日本語 😀', '$(id) `id` \'"\\', '-', 'a\nb', 'k'.repeat(10_000)])(
  verifies('cli.ids', 'the ids of thread %j are those that the bridge uses, and AWS accepts them'),
  async (key) => {
    const { code, stdout, stderr } = await runBin(['ids', `--thread=${key}`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const ids = JSON.parse(stdout) as Record<string, string>;
    expect(ids).toEqual(threadIds(key));
    for (const id of Object.values(ids)) expect(id).toMatch(/^[A-Za-z][A-Za-z0-9_-]{32,99}$/);
  },
);

test(verifies('cli.ids', 'the thread can be named by its variable, and must be named'), async () => {
  const named = await runBin(['ids'], { env: { AGENTCORE_THREAD: 'discord:123' } });
  expect(JSON.parse(named.stdout)).toEqual(threadIds('discord:123'));
  const { code, stderr } = await runBin(['ids']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^agentcore-bridge: --thread is required\..*\n$/);
});
