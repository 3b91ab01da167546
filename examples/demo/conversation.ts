import { join } from 'node:path';
import process from 'node:process';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { ChatBot, type Crossing } from './chat-bot.ts';
import { describe } from './describe.ts';
import type { Screen } from './screen.ts';

export interface Conversation {
  /** What the agent is asked. */
  readonly words: string;
  /** The agent's command. */
  readonly agent: readonly string[];
  /** Further options of the bridge. */
  readonly options?: readonly string[];
  /** Told of each message, when it is on the screen. */
  readonly onCrossing?: (crossing: Crossing) => void;
}

/** A chat bot has one prompt answered by an agent in the local AgentCore. Rejects if the bridge or the agent fails. */
export async function converse(
  local: LocalAgentCore,
  screen: Screen,
  { words, agent, options = [], onCrossing }: Conversation,
): Promise<void> {
  screen.say('·', 'a chat bot spawns agentcore-bridge (HOME, PATH, USER, AWS keys)');
  const bot = new ChatBot({
    command: [
      process.execPath,
      bin,
      '--runtime-arn',
      runtimeArn,
      // One agent for the whole conversation, also for the questions before the first prompt: its messages are counted.
      '--thread',
      'demo',
      '--endpoint-url',
      local.url,
      ...options,
      '--',
      ...agent,
    ],
    env: environment(local),
    onCrossing: (crossing) => {
      const isOut = crossing.direction === 'to-agent';
      const line = `${crossing.method.padEnd(26)} ${describe(crossing)}`;
      screen.say(isOut ? '→' : '←', line, isOut ? 'cyan' : 'reset');
      onCrossing?.(crossing);
    },
    onComplaint: (line) => screen.say('!', line, 'yellow'),
  });
  const stop = (): void => bot.terminate();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  let exitCode: number | null = null;
  try {
    screen.wait('a microVM starts, and the agent in it');
    await bot.request('initialize', { protocolVersion: 1, clientCapabilities: {}, clientInfo });
    const session = await bot.request('session/new', { cwd: process.cwd(), mcpServers: [] });
    const { sessionId } = session as { sessionId: string };
    screen.wait('the agent is at work');
    const prompt = [{ type: 'text', text: `<sender_context>\n${sender}\n</sender_context>\n\n${words}` }];
    await bot.request('session/prompt', { sessionId, prompt });
  } finally {
    screen.rest();
    exitCode = await bot.leave();
    screen.say('·', `the bot ends the input, and the bridge leaves with exit code ${exitCode}`);
  }
  if (exitCode !== 0) throw new Error('The bridge did not leave as it should.');
}

const bin = join(import.meta.dirname, '..', '..', 'bin', 'agentcore-bridge.js');
const runtimeArn = 'arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/demo';
const clientInfo = { name: 'demo', version: '1.0.0' };

/** What openab puts before the words of a person. */
const sender = JSON.stringify({
  schema: 'openab.sender.v1',
  sender_id: '1',
  sender_name: 'reader',
  display_name: 'Reader',
  channel: 'demo',
  channel_id: '1',
  is_bot: false,
});

/** What openab lets through of its own environment, and what its configuration would add. */
function environment({ credentials: [keys] }: LocalAgentCore): Readonly<Record<string, string>> {
  const { HOME = '/', PATH = '', USER = 'bot' } = process.env;
  return {
    HOME,
    PATH,
    USER,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  };
}
