import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BridgeProcess } from '../e2e/bridge-process.ts';
import type { AcpClient, Turn } from './acp-client.ts';
import { agents } from './agents.ts';
import { Stage } from './stage.ts';
import { steps } from './steps.ts';

/** One conversation with each agent: every test goes on where the last one ended. */
describe.each(agents)('$name', (agent) => {
  let stage: Stage;
  let bridge: BridgeProcess;
  let client: AcpClient;
  let sessionId: unknown;

  beforeAll(async () => {
    stage = await Stage.start(agent);
  });
  afterAll(() => stage.close());
  beforeEach(({ task, skip }) => {
    skip(sessionId === undefined && !beginnings.has(task.name), 'there is no session');
  });

  test(steps.initialize, async ({ task }) => {
    ({ bridge, client } = stage.bridge());
    const said = await client.request('initialize', introduction);
    task.meta.capabilities = said['agentCapabilities'] as object;
    expect(said['agentInfo']).toMatchObject({ version: agent.version });
    if (agent.authMethod !== undefined) await client.request('authenticate', { methodId: agent.authMethod });
  });

  test(steps.newSession, async () => {
    ({ sessionId } = await client.request('session/new', workspace));
    expect(sessionId).toBeTypeOf('string');
    client.use(sessionId);
    const strange = client.sessionIds.filter((id) => id !== sessionId);
    expect(strange, 'updates come under a session id that the client was not given').toEqual([]);
  });

  test(steps.prompt, async () => {
    const turn = await client.prompt('The word is apricot. [[say I heard: marzipan.]]');
    expectWhole(turn, 'I heard: marzipan.');
  });

  test(steps.tool, async () => {
    const turn = await client.prompt('[[run printf plum-%s cake >made-by-the-model.txt]]');
    expectWhole(turn, 'The tool has answered.');
    expect(client.permissions, 'the agent asks for permission').toHaveLength(1);
    const made = stage.workspaceFile('made-by-the-model.txt') ?? 'no such file';
    expect(readFileSync(made, 'utf8')).toBe('plum-cake');
  });

  test(steps.cancel, async () => {
    const turn = await client.promptAndCancel('[[drip]]', 'drop 1');
    expect(turn.stopReason).toBe('cancelled');
    expectWhole(await client.prompt('[[say And on we go.]]'), 'And on we go.');
  });

  test(steps.takeOver, async () => {
    if (agent.loadsOnlyLater !== undefined) await nextMinute();
    await bridge.stop();
    ({ bridge, client } = stage.bridge());
    await client.request('initialize', introduction);
    await client.request('session/load', { sessionId, ...workspace });
    client.use(sessionId);
    await promptWithMemory('Somebody else now.', 'apricot', 'marzipan', 'And on we go.');
  });

  test(steps.revive, async () => {
    await expect.poll(() => stage.isAttached, idle).toBe(false);
    await stage.evict();
    const turn = await promptWithMemory('What was that?', 'apricot', 'marzipan', 'Somebody else now.');
    expect(turn.text).not.toContain('marzipan');
  });

  test(steps.load, async () => {
    bridge.endInput();
    await bridge.exit;
    await stage.evict();
    ({ bridge, client } = stage.bridge());
    await client.request('initialize', introduction);
    const replay = client.read();
    await client.request('session/load', { sessionId, ...workspace });
    client.use(sessionId);
    await expect.poll(() => replay('agent_message_chunk'), replayed).toContain('I heard: marzipan.');
    expect(replay('user_message_chunk')).toContain('The word is apricot.');
    await promptWithMemory('Welcome back.', 'apricot', 'marzipan', 'Somebody else now.', 'What was that?');
  });

  /** A turn; what was said before must be in what the model is asked. */
  async function promptWithMemory(text: string, ...words: readonly string[]): Promise<Turn> {
    const turn = await client.prompt(`[[say ${text}]]`);
    expectWhole(turn, text);
    // Agents ask the model other things too, before and after.
    const asked = stage.model.asked.map(({ turns }) => turns.map((each) => each.text).join('\n'));
    const question = asked.find((each) => each.includes(`[[say ${text}]]`));
    for (const each of words) expect(question, 'the model is not told what was said before').toContain(each);
    return turn;
  }
});

const beginnings: ReadonlySet<string> = new Set([steps.initialize, steps.newSession]);

const introduction = {
  protocolVersion: 1,
  clientInfo: { name: 'test', version: '1' },
  clientCapabilities: { fs: { readTextFile: true, writeTextFile: true }, terminal: true },
};

const idle = { timeout: 30_000, message: 'the idle bridge lets go of the shell' };
const replayed = { timeout: 10_000, message: 'the history is replayed' };

const workspace = { cwd: '/', mcpServers: [] };

function expectWhole(turn: Turn, words: string): void {
  expect(turn.text).toContain(words);
  expect(turn.stopReason).toBe('end_turn');
}

async function nextMinute(): Promise<void> {
  await setTimeout(60_000 - (Date.now() % 60_000));
}
