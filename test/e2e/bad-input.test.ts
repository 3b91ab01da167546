import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifies } from '../requirements.ts';
import { type BridgeProcess, runtimeArn } from './bridge-process.ts';
import { endLater, startBridge, startLocal } from './stage.ts';

/** One line on stderr, no stack, and this exit code. */
async function expectEnd(bridge: BridgeProcess, code: number, says: RegExp): Promise<void> {
  expect(await bridge.exit).toBe(code);
  expect(bridge.stderr).toMatch(/^agentcore-bridge error: .*\n$/);
  expect(bridge.stderr).toMatch(says);
}

/** Bytes of memory that a process had at the most. */
function peakMemory(bridge: BridgeProcess): number {
  const status = readFileSync(`/proc/${bridge.child.pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** A port of 127.0.0.1 on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('a bridge that cannot reach its agent', () => {
  test(
    verifies(
      ['cli.bad-input', 'cli.exit-codes', 'acp.one-answer'],
      'for lack of credentials says so and ends with exit code 3',
    ),
    async () => {
      const home = await mkdtemp(join(tmpdir(), 'agentcore-home-'));
      endLater(() => rm(home, { recursive: true }));
      const bridge = startBridge(undefined, { args: ['--runtime-arn', runtimeArn], env: { HOME: home } });
      const { error } = await bridge.request('initialize', { protocolVersion: 1 });
      expect(error?.message).toMatch(/credentials/);
      expect(error?.data).toMatchObject({ 'agentcore-bridge/code': 'credentials' });
      await expectEnd(bridge, 3, /credentials.*AWS_ACCESS_KEY_ID/);
    },
  );

  test(
    verifies(
      ['cli.bad-input', 'cli.exit-codes', 'acp.one-answer'],
      'because nobody listens there says so and ends with exit code 4',
    ),
    async () => {
      const url = `http://127.0.0.1:${await closedPort()}`;
      const bridge = startBridge({ url, credentials: [{ accessKeyId: 'id', secretAccessKey: 'key' }] });
      const { error } = await bridge.request('initialize', { protocolVersion: 1 });
      expect(error?.message).toContain(`The endpoint ${url} can't be reached: it refuses connections`);
      expect(error?.data).toMatchObject({ 'agentcore-bridge/code': 'unreachable' });
      await expectEnd(bridge, 4, /refuses connections.*Check the network/);
    },
  );

  test(
    verifies(
      ['cli.bad-input', 'cli.exit-codes'],
      'because its command does not exist names it and ends with exit code 6',
    ),
    async () => {
      const bridge = startBridge(await startLocal(), { agent: ['no-such-agent', '--acp'] });
      const { error } = await bridge.request('initialize', { protocolVersion: 1 });
      expect(error?.message).toMatch(/no such command in the microVM.*no-such-agent: command not found/);
      expect(error?.data).toMatchObject({ 'agentcore-bridge/exitCode': 127 });
      await expectEnd(bridge, 6, /no such command in the microVM.*--command/);
    },
  );

  test(
    verifies(
      ['cli.contract', 'cli.exit-codes'],
      'because its command fails shows the end of its stderr, with exit code 6',
    ),
    async () => {
      const args = ['--shell-command', 'printf "%s\\n" "first words" "last words" >&2; exit 9'];
      const bridge = startBridge(await startLocal(), { agent: [], args });
      const { error } = await bridge.request('initialize', { protocolVersion: 1 });
      expect(error?.message).toMatch(/exit code 9\).*last words$/);
      expect(error?.data).toMatchObject({ 'agentcore-bridge/stderr': 'first words\nlast words' });
      await expectEnd(bridge, 6, /exit code 9/);
      expect(bridge.stderr).not.toContain('words');
    },
  );
});

describe('a line of the client', () => {
  test.each<[what: string, line: string, code: number, id: unknown]>([
    ['that is not JSON', 'hello', -32700, null],
    ['that is half a message', '{"jsonrpc":"2.0","id":7,"method":', -32700, null],
    ['that is not UTF-8 text of JSON', '\u0000', -32700, null],
    ['that is a number', '7', -32600, null],
    ['that is a batch', '[{"jsonrpc":"2.0","id":7,"method":"x"}]', -32600, null],
    ['that has an id and nothing else', '{"jsonrpc":"2.0","id":"seven"}', -32600, 'seven'],
    ['whose method is no text', '{"jsonrpc":"2.0","id":8,"method":9}', -32600, 8],
  ])(
    verifies(['acp.parse-error', 'cli.bad-input'], '%s is answered with an error, and the stream goes on'),
    async (_, line, code, id) => {
      const bridge = startBridge(await startLocal());
      bridge.write(line);
      const answer = await bridge.find(({ error }) => error !== undefined);
      expect(answer).toMatchObject({ id, error: { code } });
      expect((await bridge.request('test/seen')).result).toEqual({ seen: 0 });
      expect(bridge.stderr).toBe('');
    },
  );

  test(
    verifies(
      'acp.oversized',
      'that is longer than --max-message is refused by its id without being held, and the stream continues',
    ),
    async () => {
      const bridge = startBridge(await startLocal(), { args: ['--max-message', '1MB'] });
      await bridge.request('initialize', { protocolVersion: 1 });
      const before = peakMemory(bridge);
      const { stdin } = bridge.child;
      stdin?.write('{"jsonrpc":"2.0","id":"long","method":"session/prompt","params":{"text":"');
      const piece = 'x'.repeat(1024 * 1024);
      for (let n = 0; n < 100; n += 1) {
        if (stdin?.write(piece) === false) await once(stdin, 'drain');
      }
      bridge.write('"}}');
      const { error } = await bridge.answer('long');
      expect(error).toMatchObject({
        code: -32600,
        message: expect.stringMatching(/--max-message/) as string,
      });
      expect(peakMemory(bridge) - before).toBeLessThan(64 * 1024 * 1024);
      expect((await bridge.request('test/seen')).result).toEqual({ seen: 0 });
    },
  );

  test(
    verifies(
      'acp.oversized',
      'that the agent makes longer than --max-message is an error to the client that asked for it',
    ),
    async () => {
      const bridge = startBridge(await startLocal(), { args: ['--max-message', '1MB'] });
      expect((await bridge.request('test/blob', { bytes: 2_000_000 })).error).toMatchObject({ code: -32603 });
      expect((await bridge.request('test/blob', { bytes: 1_000_000 })).result).toHaveLength(1_000_000);
    },
  );
});
