import { join } from 'node:path';
import process from 'node:process';
import { Readable, Writable } from 'node:stream';
import {
  client,
  type ClientApp,
  type ClientContext,
  methods,
  ndJsonStream,
  PROTOCOL_VERSION,
  type SessionNotification,
} from '@agentclientprotocol/sdk';
import { describe, expect, onTestFailed, test } from 'vitest';
import { repository } from '../e2e/bridge-process.ts';
import { startBridge, startLocal } from '../e2e/stage.ts';
import { verifies } from '../requirements.ts';

/** Has the SDK's client speak to the example agent, which is written on the SDK as well, through the bridge. */
async function drive<T>(app: ClientApp, talk: (agent: ClientContext) => Promise<T>): Promise<T> {
  const local = await startLocal();
  const bridge = startBridge(local, {
    agent: [process.execPath, join(repository, 'examples', 'agent.ts')],
  });
  onTestFailed(() => console.error(bridge.stderr));
  const { child } = bridge;
  if (child.stdin === null || child.stdout === null) throw new Error('the bridge has no pipes');
  const stream = ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout));
  return app.connectWith(stream, async (agent) => {
    await agent.request(methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: {},
    });
    return talk(agent);
  });
}

async function newSession(agent: ClientContext): Promise<string> {
  const { sessionId } = await agent.request(methods.agent.session.new, { cwd: repository, mcpServers: [] });
  return sessionId;
}

describe("the ACP SDK's client", () => {
  test(
    verifies('interop.acp-sdk', 'is asked for permission and gets the updates and the end of a prompt'),
    async () => {
      const updates: SessionNotification['update'][] = [];
      const asked: unknown[] = [];
      const app = client({ name: 'test' })
        .onNotification(methods.client.session.update, ({ params }) => {
          updates.push(params.update);
        })
        .onRequest(methods.client.session.requestPermission, ({ params }) => {
          asked.push(params.toolCall.title);
          return { outcome: { outcome: 'selected', optionId: 'allow' } };
        });
      const end = await drive(app, async (agent) => {
        const sessionId = await newSession(agent);
        return agent.request(methods.agent.session.prompt, {
          sessionId,
          prompt: [{ type: 'text', text: 'Hello' }],
        });
      });

      expect(end.stopReason).toBe('end_turn');
      expect(asked).toEqual([expect.stringMatching(/^Write .*note\.txt$/)]);
      expect(updates).toContainEqual(
        expect.objectContaining({ sessionUpdate: 'tool_call_update', status: 'completed' }),
      );
      const text = updates.map((update) =>
        update.sessionUpdate === 'agent_message_chunk' && update.content.type === 'text'
          ? update.content.text
          : '',
      );
      expect(text.join('')).toMatch(/^I am an example: .* you wrote\.That is all\. .*\.$/);
    },
  );

  test(verifies('interop.acp-sdk', 'cancels a prompt while the agent writes'), async () => {
    const spoke = Promise.withResolvers<void>();
    const app = client({ name: 'test' }).onNotification(methods.client.session.update, () => spoke.resolve());
    const end = await drive(app, async (agent) => {
      const sessionId = await newSession(agent);
      const prompt = agent.request(methods.agent.session.prompt, {
        sessionId,
        prompt: [{ type: 'text', text: 'Hello' }],
      });
      await spoke.promise;
      await agent.notify(methods.agent.session.cancel, { sessionId });
      return prompt;
    });
    expect(end.stopReason).toBe('cancelled');
  });

  test(verifies('interop.acp-sdk', 'cancels a prompt while it is asked for permission'), async () => {
    const asked = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    const app = client({ name: 'test' })
      .onNotification(methods.client.session.update, () => undefined)
      .onRequest(methods.client.session.requestPermission, async () => {
        asked.resolve();
        await cancelled.promise;
        return { outcome: { outcome: 'cancelled' } };
      });
    const end = await drive(app, async (agent) => {
      const sessionId = await newSession(agent);
      const prompt = agent.request(methods.agent.session.prompt, {
        sessionId,
        prompt: [{ type: 'text', text: 'Hello' }],
      });
      await asked.promise;
      await agent.notify(methods.agent.session.cancel, { sessionId });
      cancelled.resolve();
      return prompt;
    });
    expect(end.stopReason).toBe('cancelled');
  });

  test(verifies('interop.acp-sdk', "gets the agent's own errors unchanged"), async () => {
    const load = drive(client({ name: 'test' }), (agent) => agent.request('session/unheard-of', {}));
    await expect(load).rejects.toMatchObject({ code: -32601, data: { method: 'session/unheard-of' } });
  });
});
