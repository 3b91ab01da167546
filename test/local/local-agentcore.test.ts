import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import { newSessionId, open, refusal } from './client.ts';
import { recordingLog } from './recording-log.ts';
import { start } from './start.ts';

test('it listens on a free port, with credentials of its own', async () => {
  const [first, second] = [await start(), await start()];
  expect(first.url).toBe(`http://127.0.0.1:${first.port}`);
  expect(first.port).not.toBe(second.port);
  expect(first.credentials[0].secretAccessKey).not.toBe(second.credentials[0].secretAccessKey);
  expect(await refusal(first, { credentials: second.credentials[0] })).toMatchObject({ status: 403 });
});

test('a port that is in use, and an isolation that is not available, are reported in one line', async () => {
  const { port } = await start();
  await expect(startLocalAgentCore({ port })).rejects.toMatchObject({
    name: 'BridgeError',
    code: 'usage',
    message: `The local AgentCore can't listen on port ${port} of 127.0.0.1.`,
  });
  vi.spyOn(process, 'platform', 'get').mockReturnValue('darwin');
  onTestFinished(() => {
    vi.restoreAllMocks();
  });
  await expect(startLocalAgentCore()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('Linux'),
  });
});

test('without the PTY package it says how to install it', async () => {
  vi.resetModules();
  vi.doMock('@lydell/node-pty', () => {
    throw new Error('absent');
  });
  onTestFinished(() => {
    vi.doUnmock('@lydell/node-pty');
    vi.resetModules();
  });
  const fresh = await import('../../src/local/local-agentcore.ts');
  await expect(fresh.startLocalAgentCore()).rejects.toMatchObject({
    code: 'usage',
    remedy: 'Install it with: npm install @lydell/node-pty',
  });
});

test('a given state directory is not removed', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'local-agentcore-test-'));
  onTestFinished(() => rm(stateDir, { recursive: true }));
  const core = await startLocalAgentCore({ stateDir });
  await open(core, { sessionId: newSessionId() });
  await core.close();
  expect(await readdir(join(stateDir, 'workspaces'))).toHaveLength(1);
});

test('closing ends a session that is about to start, and closing again does nothing', async () => {
  const log = recordingLog();
  const core = await start({ log, limits: { provisionMs: 60_000 } });
  const opening = open(core).catch((error: unknown) => error);
  await log.until('microVM starting');
  await core.close();
  expect(await opening).toBeInstanceOf(Error);
  await core.close();
});
