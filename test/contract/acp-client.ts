import { LineAssembler } from '../../src/base/lines.ts';
import type { BridgeProcess, Message } from '../e2e/bridge-process.ts';

/** One turn, as the person sees it. */
export interface Turn {
  readonly answer: Message;
  /** What the agent said, update by update. */
  readonly said: readonly string[];
}

/** A question of the agent's. */
export interface Asked {
  readonly id: unknown;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A client of the Agent Client Protocol for many sessions, which looks at each message once, when it comes. */
export class AcpClient {
  readonly bridge: BridgeProcess;
  /** Everything that came, in order. */
  readonly messages: Message[] = [];
  /** Requests that the agents made. */
  readonly asked: Asked[] = [];
  /** The ids that `$/cancel_request` named. */
  readonly withdrawn: unknown[] = [];
  /** Answers a request of an agent's: a result or a promise of one, undefined for none. Default: permits what can be. */
  onRequest: (asked: Asked) => unknown = (asked) => permit(asked);
  readonly #open = new Map<number, (answer: Message) => void>();
  readonly #answered = new Set<unknown>();
  /** Answers to what was not asked, or was answered before. */
  readonly strayAnswers: Message[] = [];
  readonly #said = new Map<string, string[]>();
  readonly #watches = new Set<() => void>();
  #nextId = 1;

  constructor(bridge: BridgeProcess) {
    this.bridge = bridge;
    const lines = new LineAssembler({
      maxBytes: 64 * 1024 * 1024,
      onLine: (line) => this.onMessage(JSON.parse(Buffer.from(line).toString('utf8')) as Message),
      onOversizedLine: () => undefined,
    });
    bridge.child.stdout?.on('data', (chunk: Uint8Array) => {
      lines.push(chunk);
      for (const watch of this.#watches) watch();
    });
  }

  /**
   * Sends a request. Resolves to its answer; rejects if the bridge ends without one.
   *
   * @param onAnswer Called when it comes, before the next message is looked at
   */
  async request(method: string, params: unknown = {}, onAnswer?: () => void): Promise<Message> {
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = new Promise<Message>((resolve) =>
      this.#open.set(id, (message) => {
        onAnswer?.();
        resolve(message);
      }),
    );
    this.bridge.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return Promise.race([
      answer,
      this.bridge.exit.then((code) => {
        throw new Error(`${method} was not answered: the bridge ended with ${code}: ${this.bridge.stderr}`);
      }),
    ]);
  }

  /** The `result` of a request. Rejects with what the error says. */
  async result<T = Record<string, unknown>>(method: string, params: unknown = {}): Promise<T> {
    const { result, error } = await this.request(method, params);
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result as T;
  }

  notify(method: string, params: unknown): void {
    this.bridge.notify(method, params);
  }

  async initialize(name = 'test-client'): Promise<Record<string, unknown>> {
    return this.result('initialize', {
      protocolVersion: 1,
      clientCapabilities: {},
      clientInfo: { name, version: '1' },
    });
  }

  /** Opens a session. Returns its id. */
  async newSession(cwd = '/home/me/project'): Promise<string> {
    const { sessionId } = await this.result<{ sessionId: string }>('session/new', { cwd, mcpServers: [] });
    return sessionId;
  }

  load(sessionId: string, cwd = '/home/me/project'): Promise<Message> {
    return this.request('session/load', { sessionId, cwd, mcpServers: [] });
  }

  /** Sends a prompt. Resolves to what was said until it was answered. */
  async prompt(sessionId: string, prompt: string | readonly unknown[]): Promise<Turn> {
    const since = this.said(sessionId).length;
    const blocks = typeof prompt === 'string' ? [{ type: 'text', text: prompt }] : prompt;
    let said: readonly string[] = [];
    const answer = await this.request('session/prompt', { sessionId, prompt: blocks }, () => {
      said = this.said(sessionId).slice(since);
    });
    return { answer, said };
  }

  /** All that was said in a session so far, by the agent, or else by the user, whose words come back when it is loaded. */
  said(sessionId: string, by: 'agent' | 'user' = 'agent'): readonly string[] {
    return this.#said.get(`${by} ${sessionId}`) ?? [];
  }

  /** Resolves when this is so; it is looked at when something comes. Rejects if the bridge ends before. */
  async until(isSo: () => boolean): Promise<void> {
    if (isSo()) return;
    const met = Promise.withResolvers<void>();
    const watch = (): void => {
      if (isSo()) met.resolve();
    };
    this.#watches.add(watch);
    const ended = this.bridge.exit.then((code) => {
      throw new Error(`the bridge ended with ${code}: ${this.bridge.stderr}`);
    });
    await Promise.race([met.promise, ended]).finally(() => this.#watches.delete(watch));
  }

  protected onMessage(message: Message): void {
    this.messages.push(message);
    const { id, method, params = {} } = message;
    if (method === undefined) {
      this.#onAnswer(message);
    } else if (id === undefined) {
      if (method === '$/cancel_request') this.withdrawn.push(params['requestId']);
      if (method === 'session/update') this.#onUpdate(params);
    } else {
      void this.#answer({ id, method, params });
    }
  }

  #onAnswer(message: Message): void {
    const { id } = message;
    const resolve = typeof id === 'number' ? this.#open.get(id) : undefined;
    if (resolve === undefined || this.#answered.has(id)) this.strayAnswers.push(message);
    this.#answered.add(id);
    resolve?.(message);
  }

  #onUpdate({ sessionId, update }: Readonly<Record<string, unknown>>): void {
    const { sessionUpdate, content } = update as { sessionUpdate: string; content?: { text?: string } };
    const [, by] = /^(user|agent)_message_chunk$/.exec(sessionUpdate) ?? [];
    if (by === undefined) return;
    const key = `${by} ${String(sessionId)}`;
    this.#said.set(key, [...(this.#said.get(key) ?? []), content?.text ?? '']);
  }

  async #answer(asked: Asked): Promise<void> {
    this.asked.push(asked);
    const result = await this.onRequest(asked);
    if (result === undefined) return;
    this.bridge.write(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result }));
  }
}

/** Selects an option. */
export function selected(optionId: string): unknown {
  return { outcome: { outcome: 'selected', optionId } };
}

/** What a client that permits everything answers: the option that permits most, whatever the agent calls it. */
export function permit({ params }: Asked): unknown {
  const options = (params['options'] ?? []) as { optionId: string; kind: string }[];
  const best = ['allow_always', 'allow_once']
    .map((kind) => options.find((option) => option.kind === kind))
    .find((option) => option !== undefined);
  return best === undefined ? { outcome: { outcome: 'cancelled' } } : selected(best.optionId);
}
