import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from '../e2e/bridge-process.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';
import { startBridge } from '../e2e/stage.ts';
import { AcpClient, type Turn } from './acp-client.ts';

export interface OpenabOptions {
  /** Options of the bridge, as in openab's `[agent].args`. */
  readonly args?: readonly string[];
  /** What starts the agent. */
  readonly agent: readonly string[];
  /** HOME of the chat bot: where the bridge may keep files, if the bot has a disk at all. */
  readonly home: string;
  readonly thread: ChatThread;
}

/** Where in the chat the conversation is. */
export interface ChatThread {
  readonly channel: string;
  readonly channelId: string;
  /** Absent in a channel that has no threads. */
  readonly threadId?: string;
}

/** Milliseconds that openab waits for an answer: 30 s, and for a new session 120 s. A prompt may take half an hour. */
const limitsMs: Readonly<Record<string, number>> = { 'session/new': 120_000, 'session/prompt': 1_800_000 };
const defaultLimitMs = 30_000;
/** From its SIGTERM to its SIGKILL. */
const killAfterMs = 1500;

/**
 * openab's way to run an agent command: one process for each chat thread, in a process group of its own and with a cleared
 * environment; ids are unsigned integers, and what has another id never arrives; permission is given unasked.
 */
export class OpenabClient extends AcpClient {
  readonly #thread: ChatThread;
  /** Messages that openab could not have read. */
  readonly unreadable: Message[] = [];

  constructor(local: LocalAgentCore, { args = [], agent, home, thread }: OpenabOptions) {
    super(startBridge(local, { args, agent, env: { HOME: home } }));
    this.#thread = thread;
  }

  override async request(method: string, params: unknown = {}, onAnswer?: () => void): Promise<Message> {
    const limit = limitsMs[method] ?? defaultLimitMs;
    const over = new AbortController();
    try {
      return await Promise.race([
        super.request(method, params, onAnswer),
        delay(limit, undefined, { signal: over.signal }).then(() => {
          throw new Error(`timeout waiting for ${method}`);
        }),
      ]);
    } finally {
      over.abort();
    }
  }

  /** Its first calls. Resolves to the session id that it keeps. */
  async begin(): Promise<string> {
    await this.initialize('openab');
    return this.newSession('/home/agent');
  }

  /**
   * Its first calls after a restart or an eviction. Resolves to the id of the session, which is a new one if the agent
   * doesn't load the one that was kept, and then the people are told that the context is gone.
   */
  async comeBack(sessionId: string): Promise<string> {
    const { agentCapabilities } = await this.initialize('openab');
    if ((agentCapabilities as { loadSession?: boolean } | undefined)?.loadSession === true) {
      const { error } = await this.load(sessionId, '/home/agent');
      if (error === undefined) return sessionId;
    }
    return this.newSession('/home/agent');
  }

  /** What a person says in the thread, with the context at the head of its block, or in a block of its own. */
  hear(sessionId: string, words: string, form: 'head' | 'own block' = 'head'): Promise<Turn> {
    const context = this.#context();
    const texts = form === 'head' ? [`${context}\n\n${words}`] : [context, words];
    return this.prompt(
      sessionId,
      texts.map((text) => ({ type: 'text', text })),
    );
  }

  /** Sets an option; an agent that does not take it is told in the words that many understand. */
  async setModel(sessionId: string, value: string): Promise<'set' | Turn> {
    const { error } = await this.request('session/set_config_option', {
      sessionId,
      configId: 'model',
      value,
    });
    return error === undefined ? 'set' : this.prompt(sessionId, `/model ${value}`);
  }

  /** Ends the process as openab does. Resolves to how it went. */
  async end(): Promise<{ code: number | null; wasKilled: boolean }> {
    const group = -(this.bridge.child.pid ?? 0);
    process.kill(group, 'SIGTERM');
    let wasKilled = false;
    const kill = setTimeout(() => {
      wasKilled = true;
      process.kill(group, 'SIGKILL');
    }, killAfterMs);
    const code = await this.bridge.exit;
    clearTimeout(kill);
    return { code, wasKilled };
  }

  protected override onMessage(message: Message): void {
    const { id } = message;
    const isReadable = id === undefined || (typeof id === 'number' && Number.isInteger(id) && id >= 0);
    if (isReadable) super.onMessage(message);
    else this.unreadable.push(message);
  }

  #context(): string {
    const { channel, channelId, threadId } = this.#thread;
    const context = {
      schema: 'openab.sender.v1',
      sender_id: '1001',
      sender_name: 'ada',
      display_name: 'Ada',
      channel,
      channel_id: channelId,
      ...(threadId !== undefined && { thread_id: threadId }),
      is_bot: false,
    };
    return `<sender_context>\n${JSON.stringify(context)}\n</sender_context>`;
  }
}
