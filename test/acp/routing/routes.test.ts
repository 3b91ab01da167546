import { describe, expect, test, vi } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { verifies } from '../../requirements.ts';
import { canAll, Stage, update } from '../agents-stage.ts';
import type { Answer } from '../routed.ts';

const contextOf = (conversation: string): object => ({
  type: 'text',
  text: `<sender_context>${JSON.stringify({ channel: 'chat', channel_id: conversation })}</sender_context>`,
});
const promptOf = (sessionId: string, conversation?: string): object => ({
  sessionId,
  prompt: conversation === undefined ? [] : [contextOf(conversation)],
});
const outcomeOf = ({ id, result, error }: Answer): unknown[] => [id, error?.code ?? result];

describe('a session without a prompt, of a client whose prompts name their threads', () => {
  /** Such a client, with a session. */
  async function unbound(): Promise<{ stage: Stage; session: string }> {
    const stage = new Stage({ threads: { is: 'sender-context' } });
    stage.ask('initialize', { protocolVersion: 1 });
    const id = stage.ask('session/new', { cwd: '/home/me', mcpServers: [] });
    const result = (await stage.told()).find((answer) => answer.id === id)?.result as { sessionId: string };
    return { stage, session: result.sessionId };
  }

  /** The agent of the thread begins, and opens the session. */
  function begun(stage: Stage, key: string): number {
    const index = [...stage.it.links.keys()].indexOf(key);
    stage.link(index).begin();
    stage.answer(index, { protocolVersion: 1, agentCapabilities: canAll });
    expect(stage.answer(index, { sessionId: 's' }).method).toBe('session/new');
    return index;
  }

  test(
    verifies('acp.one-answer', 'is answered for by the bridge, and no agent gets its requests'),
    async () => {
      const { stage, session: sessionId } = await unbound();
      const mode = stage.ask('session/set_mode', { sessionId, modeId: 'plan' });
      const other = stage.ask('_x', { sessionId });
      stage.it.ask(JSON.stringify({ method: 'session/cancel', params: { sessionId } }));
      stage.it.ask(JSON.stringify({ method: '_n', params: { sessionId } }));
      expect((await stage.told()).map(outcomeOf)).toEqual([
        [mode, {}],
        [other, -32603],
      ]);
      expect(stage.links().some(({ isAttached }) => isAttached)).toBe(false);
    },
  );

  test.each(['session/close', 'session/delete'])(
    verifies('acp.session-close', 'is forgotten after %s, with its settings'),
    async (method) => {
      const { stage, session: sessionId } = await unbound();
      stage.ask('session/set_mode', { sessionId, modeId: 'plan' });
      await stage.told();
      const id = stage.ask(method, { sessionId });
      expect((await stage.told()).map(outcomeOf)).toEqual([[id, {}]]);
      // Its name still tells the thread that it would have had, where it begins anew.
      stage.ask('session/prompt', promptOf(sessionId, '1'));
      const index = begun(stage, sessionId.replace('acb-', ''));
      expect(stage.links()).toHaveLength(1);
      expect(stage.request(index).method).toBe('session/prompt');
    },
  );

  test('stays with the thread that its first prompt named, whatever later ones name', async () => {
    const { stage, session } = await unbound();
    stage.ask('session/prompt', promptOf(session, '1'));
    const index = begun(stage, 'chat:1');
    expect(stage.answer(index, { stopReason: 'end_turn' }).method).toBe('session/prompt');
    stage.ask('session/prompt', promptOf(session, '2'));
    expect(stage.request(index).method).toBe('session/prompt');
    expect([...stage.it.links.keys()]).not.toContain('chat:2');
  });

  test(verifies('acp.load', 'is loaded from its thread, once that is known'), async () => {
    const { stage, session: sessionId } = await unbound();
    stage.ask('session/prompt', promptOf(sessionId, '1'));
    const index = begun(stage, 'chat:1');
    stage.answer(index, { stopReason: 'end_turn' });
    await stage.told();
    const id = stage.ask('session/load', { sessionId, cwd: '/home/me', mcpServers: [] });
    const load = stage.request(index);
    expect(load).toMatchObject({ method: 'session/load', params: { sessionId: 's' } });
    stage.say(index, update('s', 'what was said'));
    stage.say(index, { id: load.id, result: {} });
    const [history, answer] = await stage.told();
    expect([history?.params?.['sessionId'], answer?.id]).toEqual([sessionId, id]);
  });
});

describe('a session that was opened before its first prompt named another thread', () => {
  /** A client of another name, whose session is at the first agent. */
  async function opened(): Promise<{ stage: Stage; session: string }> {
    const stage = new Stage({ threads: { is: 'auto' } });
    stage.initialized();
    return { stage, session: await stage.opened(0) };
  }

  test(verifies('acp.one-answer', 'leaves no request open at its first agent'), async () => {
    const { stage, session: sessionId } = await opened();
    const id = stage.ask('session/set_mode', { sessionId, modeId: 'plan' });
    stage.ask('session/prompt', promptOf(sessionId, '1'));
    expect(stage.links()).toHaveLength(2);
    expect(stage.link(0).isClosed).toBe(false);
    expect(stage.answer(0, {}).method).toBe('session/set_mode');
    expect((await stage.told()).map(outcomeOf)).toEqual([[id, {}]]);
    await stage.it.router.close(0);
    expect(stage.it.stopped).toEqual([...stage.it.links.keys()].slice(0, 1));
  });

  test('is bound by its next prompt, if it was loaded meanwhile', async () => {
    const { stage, session: sessionId } = await opened();
    stage.ask('session/prompt', promptOf(sessionId));
    stage.answer(0, { stopReason: 'end_turn' });
    stage.ask('session/prompt', promptOf(sessionId, '1'));
    stage.answer(0, { stopReason: 'end_turn' });
    expect(stage.links()).toHaveLength(1);
    stage.ask('session/load', { sessionId, cwd: '/home/me', mcpServers: [] });
    stage.answer(0, {});
    stage.ask('session/prompt', promptOf(sessionId, '1'));
    expect([...stage.it.links.keys()].at(-1)).toBe('chat:1');
    await vi.waitFor(() => expect(stage.it.stopped).toHaveLength(1));
  });
});

describe('a list of the sessions of all threads', () => {
  /** A client that waits for such a list, and the id of its request. */
  async function listing(): Promise<{ stage: Stage; id: number }> {
    const stage = new Stage();
    stage.initialized();
    await stage.opened(0);
    const id = stage.ask('session/list');
    expect(stage.request(0).method).toBe('session/list');
    return { stage, id };
  }

  test(verifies('acp.one-answer', 'is answered at once when the bridge leaves'), async () => {
    const { stage, id } = await listing();
    stage.it.router.leave();
    expect((await stage.told()).map(outcomeOf)).toEqual([[id, -32800]]);
    await stage.it.router.close(0);
    expect(await stage.told()).toEqual([]);
  });

  test(verifies('acp.one-answer', 'is answered when the bridge has failed'), async () => {
    const { stage, id } = await listing();
    stage.link(0).fail(new BridgeError('unreachable', 'no way'));
    expect((await stage.told()).map(outcomeOf)).toEqual([[id, -32603]]);
    expect(await stage.told()).toEqual([]);
  });
});
