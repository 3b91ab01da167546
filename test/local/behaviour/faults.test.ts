import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { LateInput, ObservedFrame } from '../../../src/local/behaviour/faults.ts';
import { startLocalAgentCore } from '../../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../../src/local/options.ts';
import { newSessionId, open, refusal, tryOpen } from '../client.ts';
import type { Client } from '../client.ts';
import { recordingLog } from '../recording-log.ts';

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
] as const)('a cut by %s is seen as %i, and the shell goes on', async (how, code) => {
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

test('a cut affects the connections that match its filter', async () => {
  const [a, b] = [await open(core, at), await open(core, { ...at, shellId: 'b' })];
  expect(core.faults.cut('fin', { sessionId: at.sessionId, shellId: 'b' })).toBe(1);
  await b.closed;
  expect(await a.run('echo alive')).toContain('alive');
  expect(core.faults.cut('fin', { sessionId: 'nobody' })).toBe(0);
});

test('a cut after some bytes of input lets exactly these reach the PTY', async () => {
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

test('a cut after some bytes of output sends exactly these, and the rest of the burst is lost', async () => {
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

test('a cut loses as much of the later output as was asked for, up to the next attach', async () => {
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

test('upgrades are refused, delayed and then accepted, in the order that was asked for', async () => {
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

test('in a blackhole nothing passes, pings included, and afterwards the held bytes are sent', async () => {
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

test('output that overflows in a blackhole loses the connection, which the client notices afterwards', async () => {
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

test('output is split into frames of one byte', async () => {
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

test('the chosen bytes of input are dropped, across frames', async () => {
  const client = await openEcho();
  core.faults.dropInput({ afterBytes: 5, bytes: 10 });
  for (const word of ['0123456789', 'abcdefghij']) client.type(word);
  await client.until(() => afterReady(client).endsWith('j'));
  expect(afterReady(client)).toBe('01234fghij');
});

test('whole frames of input are lost on a connection that stands', async () => {
  const client = await openEcho();
  core.faults.dropInput({ frames: 2, afterFrames: 1 });
  for (const word of ['one ', 'two ', 'three ', 'four ']) client.type(word);
  await client.until(() => afterReady(client).endsWith('four '));
  expect(afterReady(client)).toBe('one four ');
});

test('whole frames of output are lost on a connection that stands, and no replay brings them back', async () => {
  const client = await openEcho();
  core.faults.splitOutput(1);
  onTestFinished(() => {
    core.faults.splitOutput(undefined);
  });
  core.faults.dropOutput({ frames: 3, afterFrames: 2 });
  client.type('0123456789');
  await client.until(() => afterReady(client).endsWith('9'));
  expect(afterReady(client)).toBe('0156789');
  await client.detach();
  const next = await open(core, at);
  next.type('|');
  await next.until(({ text }) => text.includes('|'));
  expect(next.text).toBe('|');
});

test('under the reading `recent` a replay brings lost output back', async () => {
  const log = recordingLog();
  const local = await startLocalAgentCore({ log, readings: { replay: 'recent' } });
  onTestFinished(() => local.close());
  const client = await open(local, at);
  client.type("stty raw -echo; printf '<%s>' ready; cat\n");
  await client.until(({ text }) => text.endsWith('<ready>'));
  local.faults.dropOutput({ probability: 1, seed: 1 });
  client.type('<lost>');
  await log.until('dropping output');
  local.faults.dropOutput({ frames: 0 });
  const next = await open(local, at);
  await next.until(({ text }) => text.includes('<lost>'));
  expect(client.text).not.toContain('<lost>');
});

test('a range of bytes of output is lost, across frames', async () => {
  const client = await openEcho();
  core.faults.splitOutput(4);
  onTestFinished(() => {
    core.faults.splitOutput(undefined);
  });
  core.faults.dropOutput({ afterBytes: 3, bytes: 4 });
  client.type('0123456789');
  await client.until(() => afterReady(client).endsWith('9'));
  expect(afterReady(client)).toBe('012789');
});

test('a frame is delivered twice, in each direction', async () => {
  const client = await openEcho();
  core.faults.double('in', { frames: 1 });
  client.type('a');
  await client.until(() => afterReady(client).length === 2);
  core.faults.double('out', { frames: 1, afterFrames: 1 });
  client.type('b');
  await client.until(() => afterReady(client).endsWith('b'));
  client.type('c');
  await client.until(() => afterReady(client).endsWith('cc'));
  expect(afterReady(client)).toBe('aabcc');
});

test('frames are delayed in each direction, and those behind them as well', async () => {
  const client = await openEcho();
  for (const [direction, first, second] of [
    ['in', '1', '2'],
    ['out', '3', '4'],
  ] as const) {
    const sentAt = performance.now();
    core.faults.delay(direction, { frames: 1, milliseconds: 40 });
    client.type(first);
    client.type(second);
    await client.until(() => afterReady(client).endsWith(second));
    // Timers of Node may be early by less than a millisecond.
    expect(performance.now() - sentAt).toBeGreaterThan(39);
  }
  expect(afterReady(client)).toBe('1234');
});

test('delayed output is sent before the report of the end', async () => {
  const client = await open(core, at);
  await client.run('true');
  core.faults.delay('out', { probability: 1, seed: 1, milliseconds: 60_000 });
  onTestFinished(() => {
    core.faults.delay('out', { frames: 0, milliseconds: 0 });
  });
  const before = client.frames.length;
  client.type("stty -echo; printf '<%s>' bye; exit 3\n");
  await client.closed;
  expect(client.text).toContain('<bye>');
  expect(client.frames.slice(before).at(-1)?.channel).toBe(3);
});

test('delayed output is lost with its connection', async () => {
  const log = recordingLog();
  const local = await startLocalAgentCore({ log });
  onTestFinished(() => local.close());
  const client = await open(local, at);
  client.type("stty raw -echo; printf '<%s>' ready; cat\n");
  await client.until(({ text }) => text.endsWith('<ready>'));
  local.faults.delay('out', { probability: 1, seed: 1, milliseconds: 60_000 });
  client.type('lost');
  await log.until('delaying output');
  local.faults.cut('fin');
  await client.closed;
  local.faults.delay('out', { frames: 0, milliseconds: 0 });
  const next = await open(local, at);
  next.type('here');
  await next.until(({ text }) => text.includes('here'));
  expect(next.text).not.toContain('lost');
});

describe('late input of a dead connection arrives', () => {
  /** Types four frames behind an armed fault, which ends the connection with the third, and others on the next connection. */
  async function typeAcross(
    late: Omit<LateInput, 'frames' | 'how'>,
    words: readonly string[],
  ): Promise<string> {
    const client = await openEcho();
    core.faults.lateInput({ frames: 3, how: 'rst', ...late });
    for (const word of ['a', 'b', 'c', 'd']) client.type(word);
    expect(await client.closed).toMatchObject({ code: 1006 });
    const next = await open(core, at);
    for (const word of words) next.type(word);
    await next.until(({ text }) => text.endsWith('|'));
    return next.text;
  }

  test.each([
    ['before all of the next one', {}, ['1', '|'], 'abc1|'],
    ['behind some of its frames', { behindFrames: 2 }, ['11', '22', '3', '|'], '1122abc3|'],
    ['behind some of its bytes, at the border of a frame', { behindBytes: 3 }, ['11', '22', '|'], '1122abc|'],
    ['between its frames', { behindFrames: 1, interleaved: true }, ['11', '22', '3', '4', '|'], '11a22b3c4|'],
    ['twice', { behindFrames: 1, doubled: true }, ['1', '2', '|'], '1abcabc2|'],
  ] as const)('%s', async (_, late, words, expected) => {
    expect(await typeAcross(late, words)).toBe(expected);
  });

  test('once, and later input arrives as usual', async () => {
    await typeAcross({}, ['|']);
    const third = await open(core, at);
    third.type('x|');
    await third.until(({ text }) => text.endsWith('|'));
    expect(third.text).toBe('x|');
  });

  test('input that is delayed at the end of its connection reaches the PTY once, whoever is attached by then', async () => {
    const client = await openEcho();
    core.faults.delay('in', { frames: 1, milliseconds: 50 });
    client.type('late');
    client.send(5);
    await client.until(({ frames }) => frames.some(({ channel }) => channel === 5));
    core.faults.cut('rst');
    await client.closed;
    const next = await open(core, at);
    next.type('1');
    await next.until(({ text }) => text.includes('late') && text.includes('1'));
    expect(['1late', 'late1']).toContain(next.text);
  });
});

test('an attach fails with STATUS InternalError and 1011, and the next one finds the shell unchanged', async () => {
  const client = await open(core, at);
  await client.run('here=kept');
  await client.detach();
  core.faults.failAttaches({ times: 2 });
  for (let i = 0; i < 2; i += 1) {
    const failed = await open(core, at);
    expect(await failed.closed).toMatchObject({ code: 1011 });
    expect(failed.statuses).toMatchObject([
      { metadata: {}, status: 'Failure', reason: 'InternalError', code: 500 },
    ]);
  }
  const next = await open(core, at);
  expect(await next.run('echo $here')).toContain('kept');
});

test.each([
  [1001, [], 1001],
  ['0xff-1000', [0xff], 1000],
  ['0xff-1001', [0xff], 1001],
] as const)('an eviction is reported as the reading %s says', async (eviction, channels, code) => {
  const client = await open(core, at);
  await client.run('true');
  core.faults.changeReadings({ eviction });
  onTestFinished(() => {
    core.faults.changeReadings({ eviction: 1001 });
  });
  const before = client.frames.length;
  await core.faults.evict(at.sessionId);
  expect(await client.closed).toMatchObject({ code });
  expect(client.frames.slice(before).map(({ channel }) => channel)).toEqual(channels);
});

test('noise reaches every attached client, on any channel', async () => {
  const client = await open(core, at);
  expect(core.faults.noise(2, 'diagnostics')).toBeGreaterThan(0);
  core.faults.noise(0x77, new Uint8Array([1, 2]));
  await client.until(({ frames }) => frames.some(({ channel }) => channel === 0x77));
  expect(client.frames.find(({ channel }) => channel === 2)?.payload.toString()).toBe('diagnostics');
});

test('a shell is killed, its client is told, and another shell goes on', async () => {
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

test('a connection that falls silent stays open, gets no answer, and its shell can be attached to', async () => {
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

test('output that is merged comes as one frame, before the report of the end', async () => {
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

test('readings change for the next client that attaches', async () => {
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
