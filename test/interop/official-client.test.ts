import { BedrockAgentCoreClient, StopRuntimeSessionCommand } from '@aws-sdk/client-bedrock-agentcore';
import { RuntimeClient, ShellChannel } from 'bedrock-agentcore/runtime';
import type { ShellSession } from 'bedrock-agentcore/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startLocalAgentCore } from '../../src/local/local-agentcore.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { verifies } from '../requirements.ts';

const runtimeArn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/official-AbCdEf1234';
let core: LocalAgentCore;

beforeAll(async () => {
  core = await startLocalAgentCore({ bearerTokens: ['header.payload.signature'] });
  vi.stubEnv('BEDROCK_AGENTCORE_DATA_PLANE_ENDPOINT', core.url);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await core.close();
});

const runtimeClient = (): RuntimeClient =>
  new RuntimeClient({
    region: 'us-east-1',
    credentialsProvider: () => Promise.resolve(core.credentials[0]),
  });

/** Reads output until `wanted` is in it. */
async function read(shell: ShellSession, wanted: string): Promise<string> {
  let text = '';
  for await (const frame of shell) {
    if (frame.channel === ShellChannel.STDOUT) text += frame.text;
    if (text.includes(wanted)) return text;
  }
  throw new Error(`the shell ended before ${wanted} came: ${text}`);
}

/** Ends the WebSocket as a lost network does: `close()` of this client would end the shell. */
const drop = (): void => {
  core.faults.cut('rst');
};

test(
  verifies(
    'local.official-client',
    'openShell runs a command, reattaches to the same shell, and reads its exit code',
  ),
  async () => {
    const first = await runtimeClient().openShell({ runtimeArn });
    expect(first.reconnected).toBe(false);
    await first.send("cd /usr && here=kept; printf '<%s>' done\n");
    await read(first, '<done>');
    const { sessionId, shellId } = first;
    drop();
    const second = await runtimeClient().openShell({ runtimeArn, sessionId, shellId });
    expect(second.reconnected).toBe(true);
    await second.send('printf \'<%s %s>\' "$PWD" "$here"\n');
    await read(second, '</usr kept>');
    await second.send('exit 42\n');
    for await (const frame of second) void frame;
    expect(second.exitCode).toBe(42);
  },
);

test(
  verifies(['local.official-client', 'local.bearer'], 'openShell connects with an OAuth token'),
  async () => {
    const shell = await runtimeClient().openShell({
      runtimeArn,
      auth: { type: 'oauth', bearerToken: 'header.payload.signature' },
    });
    await shell.send("printf '<%s>' hello\n");
    expect(await read(shell, '<hello>')).toContain('<hello>');
    await shell.close();
  },
);

test(
  verifies(
    'local.official-client',
    'a client that reconnects by itself continues in the same shell after 1001',
  ),
  async () => {
    const reconnected = Promise.withResolvers<boolean>();
    const shell = await runtimeClient().openShell({
      runtimeArn,
      reconnectConfig: { onReconnect: reconnected.resolve },
    });
    await shell.send("n=5; printf '<%s>' set\n");
    await read(shell, '<set>');
    core.faults.cut(1001);
    expect(await reconnected.promise).toBe(true);
    await shell.send("printf '<%s>' $((n + 1))\n");
    await read(shell, '<6>');
    await shell.close();
  },
);

test(
  verifies(
    ['local.official-client', 'local.stop'],
    'StopRuntimeSession ends the microVM, answers the same to the same token, and 404 to another',
  ),
  async () => {
    const shell = await runtimeClient().openShell({ runtimeArn });
    const { sessionId: runtimeSessionId } = shell;
    const client = new BedrockAgentCoreClient({
      endpoint: core.url,
      region: 'us-east-1',
      credentials: core.credentials[0],
      maxAttempts: 1,
    });
    const command = new StopRuntimeSessionCommand({
      agentRuntimeArn: runtimeArn,
      runtimeSessionId,
      clientToken: 'a'.repeat(33),
    });
    expect(await client.send(command)).toMatchObject({ statusCode: 200, runtimeSessionId });
    expect(core.sessions().map(({ sessionId }) => sessionId)).not.toContain(runtimeSessionId);
    expect(await client.send(command)).toMatchObject({ statusCode: 200, runtimeSessionId });
    const again = new StopRuntimeSessionCommand({
      agentRuntimeArn: runtimeArn,
      runtimeSessionId,
      clientToken: 'c'.repeat(33),
    });
    await expect(client.send(again)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await shell.close();
    client.destroy();
  },
);

test(
  verifies('local.official-client', 'a client whose clock is wrong signs again by the Date of the refusal'),
  async () => {
    const shell = await runtimeClient().openShell({ runtimeArn });
    const client = new BedrockAgentCoreClient({
      endpoint: core.url,
      region: 'us-east-1',
      credentials: core.credentials[0],
      maxAttempts: 2,
    });
    core.faults.skewClock(-3_600_000);
    const command = new StopRuntimeSessionCommand({
      agentRuntimeArn: runtimeArn,
      runtimeSessionId: shell.sessionId,
      clientToken: 'b'.repeat(33),
    });
    expect(await client.send(command)).toMatchObject({
      statusCode: 200,
      $metadata: { attempts: 2 },
    });
    core.faults.skewClock(0);
    await shell.close();
    client.destroy();
  },
);
