/**
 * A small ACP agent: streams a few words at a time, asks before it writes a file, and can be cancelled. There is no model
 * behind it. Its messages are numbered, so that a client can find out what got lost.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  agent,
  type AgentContext,
  methods,
  ndJsonStream,
  type PermissionOption,
  PROTOCOL_VERSION,
  type PromptRequest,
  RequestError,
  type SessionUpdate,
  type StopReason,
} from '@agentclientprotocol/sdk';
import { numbered } from './numbered.ts';

interface Session {
  readonly cwd: string;
  /** Ends the turn that is under way. */
  cancel: AbortController;
}

const sessions = new Map<string, Session>();

agent({ name: 'example-agent' })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentInfo: { name: 'example-agent', version: '1.0.0' },
    agentCapabilities: {},
  }))
  .onRequest(methods.agent.session.new, ({ params }) => {
    const sessionId = randomUUID();
    sessions.set(sessionId, { cwd: params.cwd, cancel: new AbortController() });
    return { sessionId };
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client, signal }) => {
    const session = sessions.get(params.sessionId);
    if (session === undefined) throw RequestError.sessionNotFound(params.sessionId);
    session.cancel.abort();
    session.cancel = new AbortController();
    const turn = new Turn(client, params.sessionId, AbortSignal.any([signal, session.cancel.signal]));
    return { stopReason: await turn.run(params.prompt, join(session.cwd, 'note.txt')) };
  })
  .onNotification(methods.agent.session.cancel, ({ params }) => {
    sessions.get(params.sessionId)?.cancel.abort();
  })
  .connect(numbered(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin))));

/** What the agent does about one prompt. */
class Turn {
  readonly #client: AgentContext;
  readonly #sessionId: string;
  readonly #signal: AbortSignal;

  constructor(client: AgentContext, sessionId: string, signal: AbortSignal) {
    this.#client = client;
    this.#sessionId = sessionId;
    this.#signal = signal;
  }

  async run(prompt: PromptRequest['prompt'], path: string): Promise<StopReason> {
    try {
      const words = prompt.map((block) => (block.type === 'text' ? block.text : `(${block.type})`)).join(' ');
      await this.#say(
        'I am an example: there is no model behind me. But I speak as agents do, a few words at a time, and I go on ' +
          'while the network is away, since I run in a microVM of my own. Let me leave a note of what you wrote.',
      );
      await this.#write(path, `${words}\n`);
      await this.#say(
        'That is all. What you write next comes to the same process, wherever you write it from.',
      );
      return 'end_turn';
    } catch (error) {
      if (this.#signal.aborted) return 'cancelled';
      throw error;
    }
  }

  /** Streams a text, three words at a time. */
  async #say(text: string): Promise<void> {
    for (const [words] of text.matchAll(/(?:\S+\s*){1,3}/g)) {
      await this.#update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: words } });
      await sleep(40, undefined, { signal: this.#signal });
    }
  }

  /** Writes a file, if the client allows it. */
  async #write(path: string, text: string): Promise<void> {
    const toolCallId = randomUUID();
    const title = `Write ${path}`;
    await this.#update({
      sessionUpdate: 'tool_call',
      toolCallId,
      title,
      kind: 'edit',
      status: 'pending',
      locations: [{ path }],
    });
    const { outcome } = await this.#client.request(
      methods.client.session.requestPermission,
      { sessionId: this.#sessionId, toolCall: { toolCallId, title }, options: permissionOptions },
      { cancellationSignal: this.#signal },
    );
    this.#signal.throwIfAborted();
    const isAllowed = outcome.outcome === 'selected' && outcome.optionId === 'allow';
    if (isAllowed) await writeFile(path, text);
    await this.#update({
      sessionUpdate: 'tool_call_update',
      toolCallId,
      status: isAllowed ? 'completed' : 'failed',
    });
  }

  #update(update: SessionUpdate): Promise<void> {
    return this.#client.notify(methods.client.session.update, { sessionId: this.#sessionId, update });
  }
}

const permissionOptions: PermissionOption[] = [
  { optionId: 'allow', name: 'Allow', kind: 'allow_once' },
  { optionId: 'reject', name: 'Reject', kind: 'reject_once' },
];
