import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { ObservedFrame } from '../../src/local/faults.ts';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { newSessionId, open, refusal, tryOpen } from './client.ts';
import type { Client } from './client.ts';
import { recordingLog } from './recording-log.ts';

let core: LocalAgentCore;
beforeAll(async () => {
  core = await startLocalAgentCore();
});
afterAll(() => core.close());

let at: { sessionId: string; shellId: string };
beforeEach(() => {
  at = { sessionId: newSessionId(), shellId: 'a' };
});

/** A shell in which `cat` sends back what it gets, as it is. */
async function openEcho(): Promise<Client> {
  const client = await open(core, at);
  client.type("stty raw -echo; printf '<%s>' ready; cat\n");
  await client.until(({ text }) => text.endsWith('<ready>'));
  return client;
}

const afterReady = (client: Client): string => client.text.slice(client.text.indexOf('<ready>') + 7);

test.each([
  ['rst', 1006],
  ['fin', 1006],
  [1006, 1006],
  [1001, 1001],
  [1008, 1008],
  [1011, 1011],
  [4000, 4000],
] as const)('a cut by %s is seen as %i, and the shell lives on', async (how, code) => {
  const client = await open(core, at);
  await client.run('here=kept');
  const errors: unknown[] = [];
  client.socket.on('error', (error) => errors.push(error));
  expect(core.faults.cut(how, { sessionId: at.sessionId })).toBe(1);
  expect(await client.closed).toMatchObject({ code });
  expect(errors).toHaveLength(how === 'rst' ? 1 : 0);
  const next = await open(core, at);
  expect(await next.run('echo $here')).toContain('kept');
});

test('a cut hits the connections that its filter names', async () => {
  const [a, b] = [await open(core, at), await open(core, { ...at, shellId: 'b' })];
  expect(core.faults.cut('fin', { sessionId: at.sessionId, shellId: 'b' })).toBe(1);
  await b.closed;
  expect(await a.run('echo alive')).toContain('alive');
  expect(core.faults.cut('fin', { sessionId: 'nobody' })).toBe(0);
});

test('a cut after so many bytes of input lets exactly these reach the PTY', async () => {
  const client = await openEcho();
  core.faults.cutAfter({ direction: 'in', bytes: 25, how: 'rst' });
  for (const word of ['0123456789', 'abcdefghij', 'ABCDEFGHIJ', '!']) client.type(word);
  await client.closed;
  const next = await open(core, at);
  await next.until(({ text }) => (afterReady(client) + text).length >= 25);
  next.type('|');
  await next.until(({ text }) => text.includes('|'));
  expect(`${afterReady(client)}${next.text}`).toMatch(/^[^!]*ABCDE\|$/);
});

test('a cut after so many bytes of output sends exactly these, and the rest of the burst is lost', async () => {
  const client = await openEcho();
  core.faults.cutAfter({ direction: 'out', bytes: 5, how: 'fin' });
  client.type('0123456789');
  await client.closed;
  expect(afterReady(client)).toBe('01234');
  const next = await open(core, at);
  next.type('|');
  await next.until(({ text }) => text.includes('|'));
  expect(next.text).toBe('|');
});

test('a cut loses as much of the output behind it as was asked for, up to the next attach', async () => {
  const client = await open(core, at);
  client.type("stty raw -echo; mkfifo ~/later; printf '<%s>' ready; cat ~/later; : >~/said; cat\n");
  await client.until(({ text }) => text.endsWith('<ready>'));
  core.faults.loseInFlight({ input: 0, output: 4 });
  onTestFinished(() => {
    core.faults.loseInFlight({ input: 0, output: 0 });
  });
  core.faults.cut('rst');
  await client.closed;
  await (
    await open(core, { ...at, shellId: 'b' })
  ).run('printf 0123456789 >~/later; until [ -e ~/said ]; do sleep .01; done');
  const next = await open(core, at);
  next.type('|');
  await next.until(({ text }) => text.endsWith('|'));
  expect(next.text).toBe('456789|');
});

test('a cut loses input that the PTY has not taken, at most as much as was asked for', async () => {
  const client = await open(core, at);
  client.type("stty raw -echo; mkfifo ~/go; printf '<%s>' ready; cat ~/go; head -c 999900 | wc -c\n");
  await client.until(({ text }) => text.endsWith('<ready>'));
  core.faults.loseInFlight({ input: 100, output: 0 });
  onTestFinished(() => {
    core.faults.loseInFlight({ input: 0, output: 0 });
  });
  core.faults.cutAfter({ direction: 'in', bytes: 1_000_000, how: 'rst' });
  for (let i = 0; i < 20; i += 1) client.type(Buffer.alloc(50_000, 'x'));
  await client.closed;
  const next = await open(core, at);
  await (await open(core, { ...at, shellId: 'b' })).run(': >~/go');
  await next.until(({ text }) => /\d{6}/.test(text));
  expect(next.text).toContain('999900');
});

test('upgrades are refused, delayed and then let in, in the order that was asked for', async () => {
  core.faults.refuseUpgrades({ status: 503, errorType: 'ServiceUnavailable', retryAfter: 3, times: 2 });
  core.faults.refuseUpgrades({ status: 424, body: '{"error":"agent not reachable"}' });
  core.faults.delayUpgrades(1);
  const first = await refusal(core, at);
  expect(first).toMatchObject({
    status: 503,
    errorType: 'ServiceUnavailable',
    headers: { 'retry-after': '3' },
  });
  expect(await refusal(core, at)).toMatchObject({ status: 503 });
  expect(await refusal(core, at)).toMatchObject({
    status: 424,
    errorType: 'RuntimeClientError',
    body: '{"error":"agent not reachable"}',
  });
  await open(core, at);
});

test('a hung upgrade gets no answer, and the next one does', async () => {
  core.faults.hangUpgrades();
  let answered = false;
  const hung = tryOpen(core, at).finally(() => (answered = true));
  hung.catch(() => undefined);
  await open(core, { ...at, shellId: 'b' });
  expect(answered).toBe(false);
});

test('in a blackhole nothing passes, pings included, and afterwards what waited goes on', async () => {
  const client = await openEcho();
  const pongs: string[] = [];
  client.webSocket.on('pong', (data) => pongs.push(data.toString()));
  core.faults.blackhole(true);
  client.type('0123456789');
  client.webSocket.ping('ping');
  let answered = false;
  const opening = open(core, { ...at, shellId: 'b' }).finally(() => (answered = true));
  // Nothing can be waited for in a blackhole; this turns the event loop of both sides.
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
  expect([afterReady(client), pongs, answered]).toEqual(['', [], false]);
  core.faults.blackhole(false);
  await client.until(() => afterReady(client) === '0123456789');
  await opening;
  expect(pongs).toEqual(['ping']);
});

test('output that overflows in a blackhole loses the connection, which the client learns afterwards', async () => {
  const log = recordingLog();
  const local = await startLocalAgentCore({ log, limits: { writeBufferBytes: 100_000 } });
  onTestFinished(() => local.close());
  const client = await open(local, at);
  client.type('PS1=; head -c 30000000 /dev/zero\n');
  await client.until(({ output }) => output.includes(0));
  local.faults.blackhole(true);
  await log.until('closing');
  expect(client.webSocket.readyState).toBe(client.webSocket.OPEN);
  local.faults.blackhole(false);
  expect(await client.closed).toMatchObject({ code: 1006 });
});

test('output is split as small as one byte a frame', async () => {
  const client = await openEcho();
  core.faults.splitOutput(1);
  onTestFinished(() => {
    core.faults.splitOutput(undefined);
  });
  const before = client.frames.length;
  client.type('für €');
  await client.until(() => afterReady(client) === 'für €');
  expect(client.frames.slice(before).map(({ payload }) => payload.length)).toEqual(Array(8).fill(1));
});

test('input is dropped where it was asked for, across frames', async () => {
  const client = await openEcho();
  core.faults.dropInput({ afterBytes: 5, bytes: 10 });
  for (const word of ['0123456789', 'abcdefghij']) client.type(word);
  await client.until(() => afterReady(client).endsWith('j'));
  expect(afterReady(client)).toBe('01234fghij');
});

test('noise reaches every attached client, on any channel', async () => {
  const client = await open(core, at);
  expect(core.faults.noise(2, 'diagnostics')).toBeGreaterThan(0);
  core.faults.noise(0x77, new Uint8Array([1, 2]));
  await client.until(({ frames }) => frames.some(({ channel }) => channel === 0x77));
  expect(client.frames.find(({ channel }) => channel === 2)?.payload.toString()).toBe('diagnostics');
});

test('a shell is killed, which its client is told, and its neighbour lives on', async () => {
  const [a, b] = [await open(core, { ...at, shellId: 'victim' }), await open(core, { ...at, shellId: 'b' })];
  await a.run('true');
  expect(core.faults.killShell('victim')).toBe(true);
  expect(await a.closed).toMatchObject({ code: 1000 });
  expect(a.statuses.at(-1)).toMatchObject({
    details: { causes: [{ message: '137' }, { reason: 'Signal', message: '9' }] },
  });
  expect(await b.run('echo alive')).toContain('alive');
  expect(core.faults.killShell('nobody')).toBe(false);
});

test('an observer sees every frame with its size until it is told to stop', async () => {
  const seen: ObservedFrame[] = [];
  const end = core.faults.onFrame((frame) => seen.push(frame));
  const client = await open(core, at);
  client.send(5, 'beat');
  client.webSocket.send('text');
  client.send(9, 'x');
  client.send(5, '');
  await client.until(({ frames }) => frames.filter(({ channel }) => channel === 5).length === 2);
  end();
  await client.run('true');
  expect(
    seen.filter(({ direction }) => direction === 'in').map(({ channel, bytes }) => [channel, bytes]),
  ).toEqual([
    [5, 5],
    [-1, 4],
    [9, 2],
    [5, 1],
  ]);
  expect(seen.find(({ direction, channel }) => direction === 'out' && channel === 3)).toMatchObject({
    connection: expect.any(Number),
    at: expect.any(Number),
  });
});

test('a connection that falls silent stays open, is answered nothing, and its shell can be attached to', async () => {
  const client = await openEcho();
  const pongs: unknown[] = [];
  client.webSocket.on('pong', (data) => pongs.push(data));
  expect(core.faults.cut('silence', { sessionId: at.sessionId })).toBe(1);
  client.webSocket.ping();
  client.type('lost');
  const next = await open(core, at);
  next.type('|');
  await next.until(({ text }) => text.includes('|'));
  expect(next.text).toBe('|');
  expect(pongs).toEqual([]);
  expect(client.webSocket.readyState).toBe(client.webSocket.OPEN);
  client.webSocket.terminate();
});

test('output that is merged comes as one frame, ahead of what is said of the end', async () => {
  const client = await open(core, at);
  await client.run('true');
  core.faults.mergeOutput(60_000);
  const before = client.frames.length;
  client.type('printf a; sleep .1; printf b; exit\n');
  await client.closed;
  core.faults.mergeOutput(0);
  expect(client.frames.slice(before).map(({ channel }) => channel)).toEqual([1, 3]);
});

test('the clock of the service decides which signatures are too old', async () => {
  core.faults.skewClock(240_000);
  await (await open(core, at)).detach();
  core.faults.skewClock(-360_000);
  const refused = await refusal(core, at);
  expect(refused).toMatchObject({ status: 403, errorType: 'InvalidSignatureException' });
  expect(Date.now() - Date.parse(refused.headers.date ?? '')).toBeGreaterThanOrEqual(360_000);
  core.faults.skewClock(0);
  await (await open(core, at)).detach();
});

test('readings change for whoever attaches next', async () => {
  await (await open(core, at)).detach();
  core.faults.changeReadings({ confirmation: 'never' });
  const silent = await open(core, at);
  await silent.run('true');
  expect(silent.statuses).toEqual([]);
  core.faults.changeReadings({ confirmation: 'first' });
  const next = await open(core, at);
  await next.run('true');
  expect(next.statuses).toHaveLength(1);
});
