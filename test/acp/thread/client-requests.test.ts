import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BridgeError } from '../../../src/base/errors.ts';
import { verifies } from '../../requirements.ts';
import { Stage } from '../agents-stage.ts';

const lost = (): BridgeError => new BridgeError('agent-lost', 'the microVM is gone', { retryable: true });
const loads = { loadSession: true };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a session that is opened in another way than the client asked for', () => {
  /** The client has the session resumed or loaded; of these the agent was asked for what is to bring it back. */
  type Way = readonly ['session/resume', 'session/load'] | readonly ['session/load', 'session/resume'];
  const ways: readonly [Way, Way] = [
    ['session/resume', 'session/load'],
    ['session/load', 'session/resume'],
  ];

  async function reopening([method, other]: Way, canTry: boolean): Promise<Reopening> {
    const resumes = { sessionCapabilities: { resume: {} } };
    const capabilities = canTry ? { ...loads, ...resumes } : method === 'session/load' ? resumes : loads;
    const stage = new Stage({}, capabilities);
    stage.initialized();
    const session = await stage.opened(0);
    stage.link(0).begin({ cause: lost() });
    stage.answer(0, { protocolVersion: 1, agentCapabilities: capabilities });
    await stage.told();
    const id = stage.ask(method, { sessionId: session, cwd: '/home/me', mcpServers: [] });
    if (canTry) {
      const tried = stage.request(0);
      expect(tried.method).toBe(method);
      stage.say(0, { id: tried.id, error: { code: -32603, message: 'no' } });
    }
    const asked = stage.request(0);
    expect(asked.method).toBe(other);
    return {
      stage,
      session,
      id,
      asked: asked.id,
      outcomes: async () =>
        (await stage.told())
          .filter((answer) => answer.id === id)
          .map(({ error, result }) => error?.code ?? result),
    };
  }

  interface Reopening {
    readonly stage: Stage;
    readonly session: string;
    /** The client's request, and the one that the agent got for it. */
    readonly id: number;
    readonly asked: number;
    /** What the client was answered: an error's code, or a result. */
    readonly outcomes: () => Promise<unknown[]>;
  }

  describe.each(ways.map((way) => [way] as const))('%j', (way) => {
    describe.each([
      ['cannot do', false],
      ['has refused', true],
    ])('if the agent %s the client’s request', (_, canTry) => {
      test(
        verifies('acp.one-answer', 'answers the request once, although the client has given up'),
        async () => {
          const { stage, session, id, asked, outcomes } = await reopening(way, canTry);
          stage.it.ask(JSON.stringify({ method: '$/cancel_request', params: { requestId: id } }));
          expect(await outcomes()).toEqual([-32800]);
          stage.ask('session/prompt', { sessionId: session, prompt: [] });
          expect(stage.heard(0)).toEqual([]);
          stage.say(0, { id: asked, result: {} });
          vi.advanceTimersByTime(5000);
          expect(await outcomes()).toEqual([]);
          expect(stage.request(0).method).toBe('session/prompt');
        },
      );

      test(verifies('acp.one-answer', 'answers the request once when the bridge leaves'), async () => {
        const { stage, outcomes } = await reopening(way, canTry);
        await stage.it.router.close(0);
        expect(await outcomes()).toEqual([-32800]);
      });

      test(verifies('acp.one-answer', 'answers the request once when the link has failed'), async () => {
        const { stage, outcomes } = await reopening(way, canTry);
        stage.link(0).fail(new BridgeError('unreachable', 'no way'));
        expect(await outcomes()).toEqual([-32603]);
      });

      test(
        verifies('acp.one-answer', 'answers the request once when the agent ends because of it'),
        async () => {
          const { stage, outcomes } = await reopening(way, canTry);
          stage.link(0).exit(1);
          expect(await outcomes()).toEqual([-32603]);
        },
      );
    });
  });

  test(
    verifies('acp.one-answer', 'answers the request once when the bridge leaves before it is told'),
    async () => {
      const { stage, asked, outcomes } = await reopening(ways[0], true);
      stage.say(0, { id: asked, result: {} });
      await stage.it.router.close(0);
      expect(await outcomes()).toEqual([-32800]);
    },
  );

  test(
    verifies('acp.one-answer', 'answers the request when the agent is lost before it is told'),
    async () => {
      const { stage, asked, session, outcomes } = await reopening(ways[0], false);
      stage.say(0, { id: asked, result: {} });
      expect(await outcomes()).toEqual([]);
      stage.link(0).begin({ cause: lost() });
      stage.answer(0, { protocolVersion: 1, agentCapabilities: loads });
      expect(await outcomes()).toEqual([{}]);
      vi.advanceTimersByTime(5000);
      stage.ask('session/prompt', { sessionId: session, prompt: [] });
      expect(stage.request(0).method).toBe('session/load');
    },
  );
});
