import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLocalAgentCore } from '../../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../../src/local/options.ts';
import { verifies } from '../../requirements.ts';
import { connect, newSessionId, open, refusal, signUpgrade } from '../client.ts';

const host = 'bedrock-agentcore.us-east-1.amazonaws.com';
let core: LocalAgentCore;
beforeAll(async () => {
  core = await startLocalAgentCore({ isolation: 'directory', tls: true, hostNames: [host.toUpperCase()] });
});
afterAll(() => core.close());

test(verifies('local.tls', 'a client that trusts the authority opens a shell by TLS'), async () => {
  const client = await open(core, { sessionId: newSessionId() });
  expect(core.url).toMatch(/^https:/);
  expect(await client.run('echo hello')).toContain('hello');
});

test(verifies('local.tls', 'a client that does not trust it leaves, and the service continues'), async () => {
  const { url, headers } = await signUpgrade(core, { sessionId: newSessionId() });
  await expect(connect(url, headers)).rejects.toThrow(/certificate/);
  await open(core, { sessionId: newSessionId() });
});

test(verifies('local.tls', 'plain HTTP gets no answer'), async () => {
  const socket = connectTcp(core.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(await text(socket)).not.toContain('HTTP/1.1');
});

test.each([
  ['rst', 1],
  ['fin', 0],
] as const)('a cut by %s is seen as 1006, and the shell goes on', async (how, errors) => {
  const at = { sessionId: newSessionId(), shellId: 'a' };
  const client = await open(core, at);
  await client.run('here=kept');
  const seen: unknown[] = [];
  client.socket.on('error', (error) => seen.push(error));
  core.faults.cut(how, { sessionId: at.sessionId });
  expect(await client.closed).toMatchObject({ code: 1006 });
  expect(seen).toHaveLength(errors);
  expect(await (await open(core, at)).run('echo $here')).toContain('kept');
});

test(verifies('local.tls', 'Host may be a name of --host-name, and no other'), async () => {
  await open(core, { sessionId: newSessionId(), host });
  expect(await refusal(core, { sessionId: newSessionId(), host: 'evil.example' })).toMatchObject({
    status: 403,
    errorType: 'AccessDeniedException',
  });
});
