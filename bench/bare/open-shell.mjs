/** The same as `relay.mjs`, by AWS's own client. */
import process from 'node:process';
import { RuntimeClient, ShellChannel } from 'bedrock-agentcore/runtime';

const client = new RuntimeClient({ region: 'us-east-1' });
const shell = await client.openShell({ runtimeArn: process.argv[2] });
process.stdin.on('data', (chunk) => void shell.send(chunk.toString()));
process.stdin.on('end', () => process.exit());
for await (const frame of shell) {
  if (frame.channel === ShellChannel.STDOUT) process.stdout.write(frame.payload ?? frame.text);
}
