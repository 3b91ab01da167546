import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalAgentCore } from '../../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../../src/local/options.ts';
import { verifies } from '../../requirements.ts';
import { newSessionId, open } from '../client.ts';
import { recordingLog } from '../recording-log.ts';
import { start } from '../start.ts';

let core: LocalAgentCore;
beforeAll(async () => {
  core = await startLocalAgentCore();
});
afterAll(() => core.close());

test(
  verifies(
    'local.limits',
    'the fifth text frame in a row closes with 1003, and a binary one between restarts the count',
  ),
  async () => {
    const client = await open(core, { sessionId: newSessionId() });
    for (let i = 0; i < 4; i += 1) client.webSocket.send('text');
    await client.run('true');
    for (let i = 0; i < 4; i += 1) client.webSocket.send('text');
    await client.run('true');
    for (let i = 0; i < 5; i += 1) client.webSocket.send('text');
    expect(await client.closed).toMatchObject({ code: 1003 });
  },
);

test(verifies('local.limits', '250 frames in a second pass, and one more closes with 1008'), async () => {
  const client = await open(core, { sessionId: newSessionId() });
  for (let i = 0; i < 250; i += 1) client.send(5, String(i));
  await client.until(({ frames }) => frames.at(-1)?.payload.toString() === '249');
  client.send(5, 'one more');
  expect(await client.closed).toMatchObject({ code: 1008 });
});

test(verifies('local.limits', 'a connection that lasts too long is closed with 1008'), async () => {
  const client = await open(await start({ limits: { connectionMs: 30 } }), { sessionId: newSessionId() });
  expect(await client.closed).toMatchObject({ code: 1008 });
});

test(verifies('local.limits', 'a frame of 64 KB passes, and one more byte closes with 1009'), async () => {
  const client = await open(core, { sessionId: newSessionId() });
  client.send(5, Buffer.alloc(64 * 1024 - 1));
  await client.until(({ frames }) => frames.some(({ payload }) => payload.length === 64 * 1024 - 1));
  client.send(5, Buffer.alloc(64 * 1024));
  expect(await client.closed).toMatchObject({ code: 1009 });
});

test('the channel byte does not count, under the other reading', async () => {
  const core = await start({ readings: { channelByteCounts: false } });
  const client = await open(core, { sessionId: newSessionId() });
  client.send(5, Buffer.alloc(64 * 1024));
  await client.until(({ frames }) => frames.some(({ payload }) => payload.length === 64 * 1024));
  client.send(5, Buffer.alloc(64 * 1024 + 1));
  expect(await client.closed).toMatchObject({ code: 1009 });
});

test(
  verifies('local.limits', 'a client that does not read gets 1008 when the write buffer overflows'),
  async () => {
    const log = recordingLog();
    const core = await start({ log, limits: { writeBufferBytes: 1024 * 1024 } });
    const client = await open(core, { sessionId: newSessionId() });
    await client.run('true');
    client.webSocket.pause();
    client.type('head -c 50000000 /dev/zero\n');
    await log.until('closing');
    client.webSocket.resume();
    expect(await client.closed).toMatchObject({ code: 1008 });
  },
);

test('output is sent in frames of at most 64 KB, in order', async () => {
  const client = await open(core, { sessionId: newSessionId() });
  const output = await client.run('seq 1 200000');
  expect(output.trim().split(/\r?\n/)).toEqual(Array.from({ length: 200_000 }, (_, i) => String(i + 1)));
  expect(Math.max(...client.frames.map(({ payload }) => payload.length + 1))).toBeLessThanOrEqual(64 * 1024);
});

test('while a process reads nothing the client has to wait, and nothing is lost', async () => {
  const core = await start({ limits: { inputBufferBytes: 100_000 } });
  const at = { sessionId: newSessionId(), shellId: 'a' };
  const client = await open(core, at);
  client.type(
    `stty raw -echo; printf '<%s>' ready; while [ ! -e $HOME/go ]; do :; done; head -c 3000000 | cksum\n`,
  );
  await client.until(({ text }) => text.includes('<ready>'));
  for (let i = 0; i < 50; i += 1) client.type(Buffer.alloc(60_000, String(i % 10)));
  client.send(5);
  const other = await open(core, { ...at, shellId: 'b' });
  await other.run('true');
  expect(client.frames.some(({ channel }) => channel === 5)).toBe(false);
  await other.run('touch $HOME/go');
  await client.until(({ text }) => /\d+ 3000000/.test(text));
});
