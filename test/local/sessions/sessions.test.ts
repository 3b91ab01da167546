import { expect, onTestFinished, test } from 'vitest';
import { verifies } from '../../requirements.ts';
import { newSessionId, open, refusal, stop, tryOpen } from '../client.ts';
import type { Answer } from '../client.ts';
import { lifeLine } from '../life-line.ts';
import { recordingLog } from '../recording-log.ts';
import { start } from '../start.ts';

const outcomes = (answers: readonly Answer[]): Set<unknown> =>
  new Set(answers.map((answer) => (answer.kind === 'open' ? 'open' : answer.headers['x-amzn-errortype'])));

test('the same session id leads to the same microVM, another id or another runtime to another', async () => {
  const core = await start();
  const sessionId = newSessionId();
  await (await open(core, { sessionId })).run('touch "${TMPDIR:-/tmp}/mark"');
  const look = 'ls "${TMPDIR:-/tmp}" | grep -c mark';
  expect(await (await open(core, { sessionId })).run(look)).toContain('1');
  expect(await (await open(core, { sessionId: newSessionId() })).run(look)).toContain('0');
  const arn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/other-AbCdEf1234';
  expect(await (await open(core, { sessionId, arn })).run(look)).toContain('0');
});

test(verifies('local.limits', 'the eleventh shell is refused until one has ended'), async () => {
  const core = await start();
  const sessionId = newSessionId();
  const clients = [];
  for (let i = 0; i < 10; i += 1) clients.push(await open(core, { sessionId, shellId: `s${i}` }));
  expect(await refusal(core, { sessionId, shellId: 's10' })).toMatchObject({
    status: 429,
    errorType: 'ThrottlingException',
  });
  await clients[3]?.detach();
  expect(await refusal(core, { sessionId, shellId: 's10' })).toMatchObject({ status: 429 });
  clients[3] = await open(core, { sessionId, shellId: 's3' });
  clients[3].type('exit\n');
  await clients[3].closed;
  await open(core, { sessionId, shellId: 's10' });
});

test.each([
  [402, 'ServiceQuotaExceededException'],
  [424, 'RuntimeClientError'],
] as const)(
  verifies('local.limits', 'under another reading a shell above the limit gets %i'),
  async (shellLimitError, errorType) => {
    const core = await start({ limits: { shells: 1 }, readings: { shellLimitError } });
    const sessionId = newSessionId();
    await open(core, { sessionId, shellId: 'a' });
    expect(await refusal(core, { sessionId, shellId: 'b' })).toMatchObject({
      status: shellLimitError,
      errorType,
    });
  },
);

test('under another reading detached shells do not count', async () => {
  const log = recordingLog();
  const core = await start({ log, limits: { shells: 1 }, readings: { detachedShellsCount: false } });
  const sessionId = newSessionId();
  await (await open(core, { sessionId, shellId: 'a' })).detach();
  await log.until('detached');
  expect(await tryOpen(core, { sessionId, shellId: 'b' })).toMatchObject({ kind: 'open' });
});

test(
  verifies('local.limits', 'a session that is being started, and a shell that is being claimed, answer 409'),
  async () => {
    const core = await start({ limits: { provisionMs: 200 } });
    const at = { sessionId: newSessionId(), shellId: 'a' };
    const first = tryOpen(core, at);
    const answers = await Promise.all([first, tryOpen(core, at)]);
    expect(outcomes(answers)).toEqual(new Set(['open', 'RetryableConflictException']));
    expect(answers.find(({ kind }) => kind === 'refused')).toMatchObject({
      status: 409,
      body: '{"message":"Session operation in progress, please retry"}',
    });
    core.faults.delayUpgrades(200);
    const racing = await Promise.all([tryOpen(core, at), tryOpen(core, at)]);
    expect(outcomes(racing)).toEqual(new Set(['open', 'ConflictException']));
  },
);

test(verifies('local.limits', 'too many new sessions in a second get 429'), async () => {
  const core = await start({ isolation: 'directory', limits: { newSessionsPerSecond: 2 } });
  const answers = await Promise.all([1, 2, 3].map(() => tryOpen(core, { sessionId: newSessionId() })));
  expect(answers.filter(({ kind }) => kind === 'open')).toHaveLength(2);
  expect(answers.find(({ kind }) => kind === 'refused')).toMatchObject({ status: 429 });
});

test(
  verifies(
    'local.stop',
    'StopRuntimeSession ends everything, closes with 1001, and the next attach gets a new microVM',
  ),
  async () => {
    const core = await start();
    const line = await lifeLine();
    onTestFinished(line.close);
    const at = { sessionId: newSessionId(), shellId: 'a' };
    const client = await open(core, at);
    client.type(`setsid -f bash -c '${line.hold}; sleep 1000'\n`);
    await line.held;
    expect(await stop(core, at.sessionId)).toMatchObject({ status: 200, body: { statusCode: 200 } });
    await line.released;
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await stop(core, at.sessionId, 'b'.repeat(33))).toMatchObject({
      status: 404,
      errorType: 'ResourceNotFoundException',
    });
    expect((await open(core, at)).statuses).toMatchObject([{ metadata: { reconnected: false } }]);
  },
);

test(
  verifies(
    'local.stop',
    'StopRuntimeSession with the same token gets the same answer, and does not stop the next microVM',
  ),
  async () => {
    const core = await start();
    const at = { sessionId: newSessionId(), shellId: 'a' };
    await open(core, at);
    expect(await stop(core, at.sessionId)).toMatchObject({ status: 200 });
    const next = await open(core, at);
    expect(await stop(core, at.sessionId)).toMatchObject({ status: 200, body: { statusCode: 200 } });
    expect(await next.run('echo alive')).toContain('alive');
    expect(await stop(core, at.sessionId, 'short')).toMatchObject({
      status: 400,
      errorType: 'ValidationException',
      body: { message: expect.stringContaining("at 'clientToken'") },
    });
  },
);

test(
  verifies(
    'local.stop',
    'a session without an attached shell is reclaimed when it has been idle for long enough',
  ),
  async () => {
    const log = recordingLog();
    const core = await start({ log, limits: { idleMs: 50 } });
    const client = await open(core, { sessionId: newSessionId() });
    const line = await lifeLine();
    onTestFinished(line.close);
    client.type(`${line.hold}\n`);
    await line.held;
    // Attached and quiet for longer than the timeout.
    await client.run('sleep 0.2');
    expect(log.messages).not.toContain('microVM ended');
    await client.detach();
    await line.released;
    await log.until('microVM ended');
    expect(core.sessions()).toEqual([]);
  },
);

test(
  verifies('local.stop', 'a microVM is reclaimed at the end of its lifetime, attached or not'),
  async () => {
    const core = await start({ limits: { lifetimeMs: 100 } });
    const client = await open(core, { sessionId: newSessionId() });
    expect(await client.closed).toMatchObject({ code: 1001 });
  },
);
