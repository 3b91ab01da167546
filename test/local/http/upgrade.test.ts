import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startLocalAgentCore } from '../../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../../src/local/options.ts';
import { verifies } from '../../requirements.ts';
import {
  connect,
  newSessionId,
  open,
  refusal,
  runtimeArn,
  sessionHeader,
  signer,
  signUpgrade,
  stop,
  tryOpen,
} from '../client.ts';
import type { OpenOptions } from '../client.ts';
import { HttpRequest } from '@smithy/protocol-http';
import { start } from '../start.ts';

let core: LocalAgentCore;
beforeAll(async () => {
  core = await startLocalAgentCore({ bearerTokens: ['a.b.c'], isolation: 'directory' });
});
afterAll(() => core.close());

const path = `/runtimes/${encodeURIComponent(runtimeArn)}/ws/shells`;

test(
  verifies('local.sigv4', 'a presigned URL opens a shell, with its session id among the signed parameters'),
  async () => {
    const sessionId = newSessionId();
    const query = { shellId: 'a', [sessionHeader]: sessionId };
    const headers = { host: `127.0.0.1:${core.port}` };
    const request = new HttpRequest({ method: 'GET', hostname: '127.0.0.1', path, query, headers });
    const { query: signed = {} } = await signer(core).presign(request, { expiresIn: 300 });
    const parameters = new URLSearchParams(signed as Record<string, string>);
    const answer = await connect(`ws://127.0.0.1:${core.port}${path}?${parameters.toString()}`, {});
    expect(answer).toMatchObject({
      kind: 'open',
      client: { headers: { [sessionHeader.toLowerCase()]: sessionId } },
    });
    parameters.set(sessionHeader, newSessionId());
    const tampered = await connect(`ws://127.0.0.1:${core.port}${path}?${parameters.toString()}`, {});
    expect(tampered).toMatchObject({ kind: 'refused', status: 403 });
  },
);

test(verifies('local.sigv4', 'a request that has Host twice is accepted'), async () => {
  const { url, headers } = await signUpgrade(core, { sessionId: newSessionId() });
  const socket = connectSocket(core.port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  const { pathname, search } = new URL(url);
  const lines = Object.entries({ ...headers, Host: '127.0.0.1' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}${upgrade}Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 101 /);
});

test(verifies('local.bearer', 'a token opens a shell, by subprotocols or by its header'), async () => {
  const url = `ws://127.0.0.1:${core.port}${path}?${sessionHeader}=${newSessionId()}`;
  const token = `base64UrlBearerAuthorization.${Buffer.from('a.b.c').toString('base64url')}`;
  const bySubprotocol = await connect(url, {}, [token, 'base64UrlBearerAuthorization']);
  expect(bySubprotocol).toMatchObject({
    kind: 'open',
    client: { webSocket: { protocol: 'base64UrlBearerAuthorization' } },
  });
  expect(await connect(url, { Authorization: 'Bearer a.b.c' })).toMatchObject({ kind: 'open' });
  expect(await connect(url, { Authorization: 'Bearer x' })).toMatchObject({ kind: 'refused', status: 401 });
});

describe('a refusal names the reason:', () => {
  test.each<[string, OpenOptions, { status: number; errorType: string; body: RegExp }]>([
    [
      'a session id that is too short',
      { sessionId: 'short' },
      {
        status: 400,
        errorType: 'ValidationException',
        body: /'short' at 'runtimeSessionId' .* greater than or equal to 33/,
      },
    ],
    [
      'a session id that is too long',
      { sessionId: 'x'.repeat(257) },
      { status: 400, errorType: 'ValidationException', body: /runtimeSessionId.* less than or equal to 256/ },
    ],
    [
      'a session id of other characters',
      { sessionId: '_'.repeat(40) },
      { status: 400, errorType: 'ValidationException', body: /runtimeSessionId.* pattern/ },
    ],
    [
      'a malformed ARN',
      { arn: 'arn:aws:s3:::bucket' },
      { status: 400, errorType: 'ValidationException', body: /agentRuntimeArn/ },
    ],
    [
      'a malformed shell id',
      { shellId: '-a' },
      { status: 424, errorType: 'RuntimeClientError', body: /shellId/ },
    ],
    [
      'a signature with another key',
      { credentials: { accessKeyId: 'AKIAOTHER', secretAccessKey: 'x' } },
      { status: 403, errorType: 'UnrecognizedClientException', body: /security token/ },
    ],
    [
      'a signature for another Region',
      { region: 'eu-west-1' },
      { status: 403, errorType: 'InvalidSignatureException', body: /eu-west-1/ },
    ],
    [
      'a clock that is off',
      { signingDate: new Date(Date.now() - 600_000) },
      { status: 403, errorType: 'InvalidSignatureException', body: /Signature expired/ },
    ],
    [
      'a web page of elsewhere',
      { headers: { Origin: 'https://evil.example' } },
      { status: 403, errorType: 'AccessDeniedException', body: /this machine/ },
    ],
  ])('%s', async (_, options, { status, errorType, body }) => {
    const refused = await refusal(core, { sessionId: newSessionId(), ...options });
    expect(refused).toMatchObject({ status, errorType });
    // A 424 says its cause elsewhere.
    const { message, error, ...others } = JSON.parse(refused.body) as Record<string, unknown>;
    expect([message, error]).toEqual(
      status === 424 ? [undefined, expect.stringMatching(body)] : [expect.stringMatching(body), undefined],
    );
    expect(others).toEqual(status === 400 ? { reason: 'FieldValidationFailed' } : {});
    expect(refused.headers['x-amzn-requestid']).toMatch(/^[\w-]{36}$/);
  });

  test('a runtime that does not exist', async () => {
    const core = await start({ runtimes: [runtimeArn] });
    await open(core);
    const arn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/missing-AbCdEf1234';
    expect(await refusal(core, { arn })).toMatchObject({
      status: 404,
      errorType: 'ResourceNotFoundException',
    });
  });

  test('an action that is denied, by its name', async () => {
    const core = await start({ deniedActions: ['bedrock-agentcore:InvokeAgentRuntimeCommandShell'] });
    const refused = await refusal(core, {});
    expect(refused).toMatchObject({ status: 403, errorType: 'AccessDeniedException' });
    expect(refused.body).toContain(
      `not authorized to perform: bedrock-agentcore:InvokeAgentRuntimeCommandShell on resource: ${runtimeArn}`,
    );
    expect(await stop(core, newSessionId())).toMatchObject({ status: 404 });
  });

  test('a target that cannot be decoded', async () => {
    const response = await fetch(`${core.url}/runtimes/%zz/stopruntimesession`, { method: 'POST' });
    expect(response.status).toBe(400);
  });

  test('an unknown operation', async () => {
    const response = await fetch(`${core.url}/runtimes`);
    expect(response.status).toBe(404);
    expect(response.headers.get('x-amzn-errortype')).toBe('UnknownOperationException');
  });
});

test('a shell that cannot be started closes with 1011', async () => {
  const core = await start({ isolation: 'namespaces', shellCommand: ['/bin/bash'] });
  const at = { sessionId: newSessionId(), shellId: 'a' };
  core.faults.delayUpgrades(300);
  const opening = open(core, at);
  await expect.poll(() => core.sessions()).toHaveLength(1);
  await core.faults.evict();
  expect(await (await opening).closed).toMatchObject({ code: 1011 });
});

test('a client that leaves before the answer takes no shell from the next client', async () => {
  const at = { sessionId: newSessionId(), shellId: 'a' };
  const attached = await open(core, at);
  core.faults.delayUpgrades(60_000);
  const { url, headers } = await signUpgrade(core, at);
  const leaver = connectSocket(core.port, '127.0.0.1');
  const { pathname, search } = new URL(url);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const upgrade = `${lines.join('')}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;
  await new Promise((resolve) => leaver.write(`GET ${pathname}${search} HTTP/1.1\r\n${upgrade}`, resolve));
  expect(await refusal(core, at)).toMatchObject({ status: 409, errorType: 'ConflictException' });
  expect(await attached.run('echo here')).toContain('here');
  leaver.destroy();
  await expect.poll(async () => (await tryOpen(core, at)).kind).toBe('open');
});
