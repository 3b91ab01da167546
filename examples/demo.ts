/**
 * A chat bot, the bridge, and an agent in a local AgentCore, all on this machine: `npm run demo`. The network is cut twice
 * while they talk, and what was sent is counted against what arrived. `npm run demo -- -- CMD…` talks to another agent,
 * without cuts and counts: those need an agent that numbers its messages.
 */
import { delimiter, isAbsolute, join } from 'node:path';
import process from 'node:process';
import { styleText } from 'node:util';
import { BridgeError } from '../src/base/errors.ts';
import { startLocalAgentCore } from '../src/local/local-agentcore.ts';
import type { LocalAgentCore, LocalAgentCoreOptions } from '../src/local/options.ts';
import { converse } from './demo/conversation.ts';
import { NetworkCuts } from './demo/network-cuts.ts';
import { Screen } from './demo/screen.ts';
import { Tally } from './demo/tally.ts';

const repository = join(import.meta.dirname, '..');
const screen = new Screen(process.stdout);
const [separator, ...ownAgent] = process.argv.slice(2);

try {
  if (separator === undefined) await talkToExample();
  else if (separator === '--' && ownAgent.length > 0) await talkToOwnAgent();
  else {
    fail('usage: npm run demo\n       npm run demo -- -- CMD…    to talk to an agent of your own', 2);
  }
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  fail(error instanceof BridgeError ? error.explanation : why, 1);
}

function fail(why: string, exitCode: number): void {
  process.stderr.write(`${styleText('red', why, { stream: process.stderr })}\n`);
  process.exitCode = exitCode;
}

async function talkToExample(): Promise<void> {
  const tally = new Tally();
  const cuts = await inLocalAgentCore({ imagePaths: [repository] }, async (local) => {
    const network = new NetworkCuts(local.faults, screen);
    await converse(local, screen, {
      words: 'Does anything get lost when the network is cut?',
      agent: [process.execPath, join(repository, 'examples', 'agent.ts')],
      onCrossing: (crossing) => {
        tally.count(crossing);
        network.onCrossing(crossing);
      },
    });
    return network.count;
  });
  screen.print(`\n${tally.table()}\n`);
  if (!tally.isWhole()) throw new Error('Something was lost, came twice or came out of order.');
  screen.print(`The network was cut ${cuts} times. Nothing was lost, and nothing came twice.`, 'green');
}

/** The agent gets the environment and the HOME of who runs this: there it is installed and logged in. */
async function talkToOwnAgent(): Promise<void> {
  const { HOME = '/', PATH = '', INIT_CWD = process.cwd() } = process.env;
  const containerEnv = Object.fromEntries(
    Object.entries(process.env).map(([name, value = '']): [string, string] => [name, value]),
  );
  const imagePaths = [repository, INIT_CWD, HOME, ...PATH.split(delimiter)].filter((path) =>
    isAbsolute(path),
  );
  await inLocalAgentCore({ imagePaths, containerEnv }, (local) =>
    converse(local, screen, {
      words: 'Hello! What can you do, in one sentence?',
      agent: ownAgent,
      options: ['--env', `HOME=${HOME}`],
    }),
  );
}

async function inLocalAgentCore<T>(
  options: LocalAgentCoreOptions,
  talk: (local: LocalAgentCore) => Promise<T>,
): Promise<T> {
  const local = await startLocalAgentCore(options);
  try {
    screen.say('·', `a local AgentCore listens on ${local.url} (microVMs: ${local.isolation})`);
    return await talk(local);
  } finally {
    await local.close();
  }
}
