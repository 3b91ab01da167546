import { expect } from 'vitest';
import type { MemoryLink } from './memory-link.ts';
import { type Answer, routed, type Routed, type RoutedOptions } from './routed.ts';

/** What agents may offer. */
export const canAll = { loadSession: true, sessionCapabilities: { resume: {}, list: {} } };

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>> & { readonly sessionId?: string };
}

/** A client and agents that answer what a test does not want to answer itself. */
export class Stage {
  readonly it: Routed;
  capabilities: object;
  #lastId = 0;

  constructor(options: RoutedOptions = {}, capabilities: object = canAll) {
    this.it = routed({ threads: { is: 'session' }, ...options });
    this.capabilities = capabilities;
  }

  /** Asks, and returns the id. */
  ask(method: string, params: object = {}): number {
    this.#lastId += 1;
    this.it.ask(JSON.stringify({ jsonrpc: '2.0', id: this.#lastId, method, params }));
    return this.#lastId;
  }

  links(): MemoryLink[] {
    return [...this.it.links.values()];
  }

  link(index: number): MemoryLink {
    const link = this.links()[index];
    if (link === undefined) throw new Error(`there is no link ${index}`);
    return link;
  }

  heard(index: number): Message[] {
    return this.link(index)
      .takeToAgent()
      .map((line) => JSON.parse(line) as Message);
  }

  /** Takes the one request that an agent got. */
  request(index: number): Required<Message> {
    const [message, ...others] = this.heard(index);
    expect(others).toEqual([]);
    return message as Required<Message>;
  }

  say(index: number, message: object): void {
    this.link(index).say(JSON.stringify({ jsonrpc: '2.0', ...message }));
  }

  /** An agent answers the one request that it got with this result. */
  answer(index: number, result: object): Required<Message> {
    const request = this.request(index);
    this.say(index, { id: request.id, result });
    return request;
  }

  initialized(client = 'editor'): void {
    this.ask('initialize', { protocolVersion: 1, clientInfo: { name: client } });
    this.link(0).begin();
    this.answer(0, { protocolVersion: 1, agentCapabilities: this.capabilities });
  }

  /** Opens a session at its own agent, and returns the client's id of it. */
  async opened(index: number, agentId = 's'): Promise<string> {
    const id = this.ask('session/new', { cwd: '/home/me', mcpServers: [] });
    if (index > 0) {
      this.link(index).begin();
      this.answer(index, { protocolVersion: 1, agentCapabilities: this.capabilities });
    }
    this.answer(index, { sessionId: agentId });
    const answers = await this.it.answers();
    const result = answers.find((answer) => answer.id === id)?.result as { sessionId: string };
    return result.sessionId;
  }

  async told(): Promise<Answer[]> {
    return this.it.answers();
  }
}

/** A `session/update` of an agent's. */
export const update = (sessionId: string, text: string, kind = 'agent_message_chunk'): object => ({
  method: 'session/update',
  params: { sessionId, update: { sessionUpdate: kind, content: { type: 'text', text } } },
});
/** What a client was shown. */
export const textsOf = (answers: readonly Answer[]): unknown[] =>
  answers
    .filter(({ method }) => method === 'session/update')
    .map(({ params }) => (params as { update: { content: { text: string } } }).update.content.text);
