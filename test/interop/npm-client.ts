/**
 * AWS's clients of npm against a local AgentCore. Prints what they saw, as JSON.
 *
 * usage: npm-client.ts RUNTIME_ARN BEARER_TOKEN    The environment is what the start notice exports.
 */
import process from 'node:process';
import { BedrockAgentCoreClient, StopRuntimeSessionCommand } from '@aws-sdk/client-bedrock-agentcore';
import { RuntimeClient, ShellChannel } from 'bedrock-agentcore/runtime';
import type { ShellSession } from 'bedrock-agentcore/runtime';

const [runtimeArn = '', bearerToken = ''] = process.argv.slice(2);
const region = 'us-east-1';
const client = new RuntimeClient({ region });

async function read(shell: ShellSession, wanted: string): Promise<void> {
  let text = '';
  for await (const frame of shell) {
    if (frame.channel === ShellChannel.STDOUT) text += frame.text;
    if (text.includes(wanted)) return;
  }
  throw new Error(`the shell ended before ${wanted} came: ${text}`);
}

async function hello(options: Partial<Parameters<RuntimeClient['openShell']>[0]>): Promise<ShellSession> {
  const shell = await client.openShell({ runtimeArn, ...options });
  await shell.send("printf '<%s>' hello\n");
  await read(shell, '<hello>');
  return shell;
}

const signed = await hello({});
const bearer = await hello({ auth: { type: 'oauth', bearerToken } });
await bearer.close();
const sdk = new BedrockAgentCoreClient({ region });
const command = new StopRuntimeSessionCommand({
  agentRuntimeArn: runtimeArn,
  runtimeSessionId: signed.sessionId,
  clientToken: 'a'.repeat(33),
});
const stopped = [await sdk.send(command), await sdk.send(command)].map(({ statusCode }) => statusCode);
await signed.close();
process.stdout.write(JSON.stringify({ signed: 'hello', bearer: 'hello', stopped }));
sdk.destroy();
