import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseRuntimeArn } from '../../src/aws/arn.ts';
import { dataPlaneEndpoint } from '../../src/aws/endpoint.ts';
import { SigningClock } from '../../src/aws/signing-clock.ts';
import { stopSession } from '../../src/aws/stop-session.ts';
import { BridgeError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from '../../src/local/options.ts';
import { newSessionId, open, runtimeArn, tryOpen } from '../local/client.ts';
import { recordingLog } from '../local/recording-log.ts';
import { verifies } from '../requirements.ts';
import { carriedSignature, expectedSignature } from './canonical-signature.ts';

const arn = parseRuntimeArn(runtimeArn);
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'made-up-key', sessionToken: 'made-up-token' };

/** What the function is called with, for a service at this URL. */
const target = (url: string, sessionId = newSessionId()) => ({
  endpoint: dataPlaneEndpoint(arn, url),
  arn,
  qualifier: 'DEFAULT',
  sessionId,
  credentials: () => Promise.resolve(keys),
  signingClock: new SigningClock({ log: silentLog }),
});

/** The same, for a local AgentCore, with its credentials. */
const localTarget = (core: LocalAgentCore, sessionId: string) => ({
  ...target(core.url, sessionId),
  credentials: () => Promise.resolve(core.credentials[0]),
});

/** A signal that no test waits for. */
const never = new AbortController().signal;

async function startLocal(options: LocalAgentCoreOptions = {}): Promise<LocalAgentCore> {
  const core = await startLocalAgentCore({ isolation: 'directory', ...options });
  onTestFinished(() => core.close());
  return core;
}

interface Received {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A service that gives these answers, one after the other, and none when there are no more. */
async function startService(
  answers: readonly { status: number; body?: string; headers?: Readonly<Record<string, string>> }[],
) {
  const received: Received[] = [];
  const waiting = [...answers];
  const server = createServer((message, response) => {
    let body = '';
    message.setEncoding('utf8').on('data', (text: string) => (body += text));
    message.on('end', () => {
      received.push({ url: message.url ?? '', headers: message.headers as Record<string, string>, body });
      const answer = waiting.shift();
      if (answer !== undefined) response.writeHead(answer.status, answer.headers).end(answer.body ?? '{}');
      server.emit('received');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, server };
}

const errorOf = (work: Promise<void>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => error,
  );

describe('stopping a session', () => {
  test(verifies('aws.stop', 'ends its microVM, and succeeds if there is none'), async () => {
    const core = await startLocal();
    const [sessionId, other] = [newSessionId(), newSessionId()];
    for (const id of [sessionId, other]) await open(core, { sessionId: id });
    await stopSession(localTarget(core, sessionId), never);
    expect(core.sessions().map((session) => session.sessionId)).toEqual([other]);
    await stopSession(localTarget(core, sessionId), never);
    await stopSession(localTarget(core, newSessionId()), never);
    expect(core.sessions()).toHaveLength(1);
  });

  test(verifies('aws.clock', "signs again with the service's time"), async () => {
    const log = recordingLog();
    const core = await startLocal({ log });
    const sessionId = newSessionId();
    await open(core, { sessionId });
    core.faults.skewClock(-3_600_000);
    await stopSession(localTarget(core, sessionId), never);
    expect(core.sessions()).toEqual([]);
    expect(log.messages.filter((message) => message === 'request refused')).toHaveLength(1);
  });

  test(verifies('aws.clock', 'says how the clock is wrong if that did not help'), async () => {
    const headers = { date: new Date(Date.now() + 20 * 60_000).toUTCString() };
    const refused = { status: 403, body: '{"message":"Signature expired"}', headers };
    const service = await startService([refused, refused]);
    const error = await errorOf(stopSession(target(service.url), never));
    expect((error as BridgeError).remedy).toContain("clock: it is 20 minutes behind AWS's");
    expect(service.received).toHaveLength(2);
    expect(new Set(service.received.map(({ body }) => body)).size).toBe(1);
  });

  test('waits for a microVM that is about to start', async () => {
    const log = recordingLog();
    const core = await startLocal({ limits: { provisionMs: 300 }, log });
    const sessionId = newSessionId();
    const opening = tryOpen(core, { sessionId });
    await log.until('microVM starting');
    await stopSession(localTarget(core, sessionId), never);
    expect(log.messages).toContain('request refused');
    expect(log.messages.at(-1)).toBe('microVM ended');
    expect(core.sessions()).toEqual([]);
    await opening;
  });

  test('names the missing permission at the first try', async () => {
    const core = await startLocal({ deniedActions: ['bedrock-agentcore:StopRuntimeSession'] });
    const error = await errorOf(stopSession(localTarget(core, newSessionId()), never));
    expect(error).toMatchObject({ code: 'refused', retryable: false });
    expect((error as BridgeError).explanation).toMatch(
      /HTTP 403 AccessDeniedException: .*need the permission bedrock-agentcore:StopRuntimeSession on it\.$/,
    );
  });

  test(
    verifies('aws.sigv4', 'retries transient errors with the same request, signed as the service reads it'),
    async () => {
      const service = await startService([409, 503, 429, 424, 200].map((status) => ({ status })));
      const sessionId = newSessionId();
      await stopSession({ ...target(service.url, sessionId), qualifier: 'my_name' }, never);
      expect(service.received).toHaveLength(5);
      expect(new Set(service.received.map(({ body }) => body)).size).toBe(1);
      expect(JSON.parse(service.received[0]?.body ?? '')).toEqual({
        clientToken: expect.stringMatching(/^[\da-f-]{36}$/) as string,
      });
      for (const { url, headers, body } of service.received) {
        expect(url).toBe(`/runtimes/${encodeURIComponent(arn.text)}/stopruntimesession?qualifier=my_name`);
        expect(headers).toMatchObject({
          'x-amzn-bedrock-agentcore-runtime-session-id': sessionId,
          'x-amz-security-token': keys.sessionToken,
          'content-type': 'application/json',
        });
        const request = { method: 'POST', host: headers['host'] ?? '', target: url, headers, body };
        const key = { ...keys, region: arn.region, service: 'bedrock-agentcore' };
        expect(carriedSignature(request)).toBe(expectedSignature(request, key));
      }
    },
  );

  test(verifies('aws.retry-after', 'retries no sooner than the service asks'), async () => {
    const delays: (number | undefined)[] = [];
    const service = await startService([
      { status: 503, headers: { 'x-amz-retry-after': '250' } },
      { status: 400, headers: { 'x-amzn-errortype': 'ThrottlingException' } },
      { status: 408 },
      { status: 200 },
    ]);
    const pause = (ms: number): Promise<void> => {
      delays.push(ms);
      return Promise.resolve();
    };
    await stopSession({ ...target(service.url), pause }, never);
    expect(delays).toEqual([250, 200, 400]);
    expect(service.received).toHaveLength(4);
  });

  test('signs with the current credentials', async () => {
    const service = await startService([{ status: 500 }, { status: 200 }]);
    const ids = ['FIRST', 'SECOND'];
    const credentials = () => Promise.resolve({ ...keys, accessKeyId: ids.shift() ?? '' });
    await stopSession({ ...target(service.url), credentials }, never);
    expect(
      service.received.map(({ headers }) => /Credential=(\w+)/.exec(headers['authorization'] ?? '')?.[1]),
    ).toEqual(['FIRST', 'SECOND']);
  });

  test('gives up a service that does not answer when the signal comes, and its connection', async () => {
    const service = await startService([]);
    const leaving = new AbortController();
    const stopping = errorOf(stopSession(target(service.url), leaving.signal));
    const [socket] = (await once(service.server, 'connection')) as [NodeJS.EventEmitter];
    const closed = once(socket, 'close');
    await once(service.server, 'received');
    leaving.abort();
    expect(await stopping).toMatchObject({ code: 'unreachable', retryable: true });
    await closed;
  });

  test('gives up credentials that do not come when the signal comes', async () => {
    const leaving = new AbortController();
    const credentials = () => new Promise<never>(() => setImmediate(() => leaving.abort()));
    const stopping = stopSession({ ...target('http://127.0.0.1:9'), credentials }, leaving.signal);
    expect(await errorOf(stopping)).toMatchObject({ code: 'unreachable' });
  });

  test("reports the last try's error when the signal comes", async () => {
    const leaving = new AbortController();
    const service = await startService([{ status: 503, body: '{"message":"not now"}' }]);
    service.server.on('received', () => service.received.length === 2 && leaving.abort());
    expect(await errorOf(stopSession(target(service.url), leaving.signal))).toMatchObject({
      code: 'busy',
      message: 'AgentCore could not end the microVM (HTTP 503: not now)',
    });
  });

  test('does nothing after the signal', async () => {
    const service = await startService([]);
    expect(await errorOf(stopSession(target(service.url), AbortSignal.abort()))).toMatchObject({
      code: 'unreachable',
    });
    expect(service.received).toEqual([]);
  });

  test.each([
    [400, 'refused'],
    [401, 'refused'],
    [418, 'refused'],
    [302, 'refused'],
  ])('%i ends the tries with the code %s', async (status, code) => {
    const service = await startService([{ status }]);
    const error = await errorOf(stopSession(target(service.url), never));
    expect(error).toBeInstanceOf(BridgeError);
    expect(error).toMatchObject({ code, retryable: false });
  });

  test('reports the error of the credentials unchanged', async () => {
    const failure = new BridgeError('credentials', 'none');
    const credentials = () => Promise.reject(failure);
    expect(await errorOf(stopSession({ ...target('http://127.0.0.1:9'), credentials }, never))).toBe(failure);
  });

  test('tries to reach the service until the signal', async () => {
    const leaving = new AbortController();
    let tries = 0;
    const credentials = () => {
      tries += 1;
      if (tries === 3) leaving.abort();
      return Promise.resolve(keys);
    };
    const { url, server } = await startService([]);
    server.close();
    await once(server, 'close');
    const error = await errorOf(stopSession({ ...target(url), credentials }, leaving.signal));
    expect(error).toMatchObject({ code: 'unreachable', cause: { code: 'ECONNREFUSED' } });
    expect(tries).toBe(3);
  });
});
