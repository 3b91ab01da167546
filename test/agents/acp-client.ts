import type { BridgeProcess, Message } from '../e2e/bridge-process.ts';

/** A client of ACP as the simplest ones are: it allows whatever the agent asks for. */
export class AcpClient {
  /** The permission requests, as the agent made them. */
  readonly permissions: Message[] = [];
  readonly #bridge: BridgeProcess;
  #sessionId: unknown;

  constructor(bridge: BridgeProcess) {
    this.#bridge = bridge;
    void this.#answerRequests();
  }

  /** Resolves to the result; rejects with the error that was answered. */
  async request(method: string, params: unknown): Promise<Record<string, unknown>> {
    const { result, error } = await this.#bridge.request(method, params);
    if (error === undefined) return result as Record<string, unknown>;
    const data = error.data === undefined ? '' : ` ${JSON.stringify(error.data)}`;
    throw new Error(`${method} was answered with ${error.code}: ${error.message}${data}`);
  }

  /** Speaks in this session from now on. */
  use(sessionId: unknown): void {
    this.#sessionId = sessionId;
  }

  /** The sessions that were ever spoken of. */
  get sessionIds(): readonly unknown[] {
    const messages = this.#bridge.lines.map((line) => JSON.parse(line) as Message);
    const ids = messages.map(({ params }) => params?.['sessionId']);
    return [...new Set(ids.filter((id) => id !== undefined))];
  }

  /** A whole turn. */
  async prompt(text: string): Promise<Turn> {
    const read = this.read();
    const { stopReason } = await this.#prompt(text);
    return { stopReason, text: read('agent_message_chunk') };
  }

  /** A turn that is cancelled when the agent has said this. */
  async promptAndCancel(text: string, words: string): Promise<Turn> {
    const read = this.read();
    const answer = this.#prompt(text);
    const heard = this.#bridge.until(() => read('agent_message_chunk').includes(words));
    await Promise.race([answer, heard]);
    this.#bridge.notify('session/cancel', { sessionId: this.#sessionId });
    const { stopReason } = await answer;
    return { stopReason, text: read('agent_message_chunk') };
  }

  /** Gives the text of the updates of a kind that come from now on. */
  read(): (kind: 'agent_message_chunk' | 'user_message_chunk') => string {
    const from = this.#bridge.lines.length;
    return (kind) =>
      this.#bridge.lines
        .slice(from)
        .map((line) => (JSON.parse(line) as { params?: { update?: Update } }).params?.update)
        .filter((update) => update?.sessionUpdate === kind)
        .map((update) => update?.content?.text ?? '')
        .join('');
  }

  #prompt(text: string): Promise<Record<string, unknown>> {
    const prompt = [{ type: 'text', text }];
    return this.request('session/prompt', { sessionId: this.#sessionId, prompt });
  }

  /** Answers the agent's requests: permissions are given, and of other methods a simple client knows nothing. */
  async #answerRequests(): Promise<void> {
    const answered = new Set<Message['id']>();
    try {
      for (;;) {
        const request = await this.#bridge.find(
          ({ id, method }) => id !== undefined && method !== undefined && !answered.has(id),
        );
        answered.add(request.id);
        const answer = request.method === 'session/request_permission' ? this.#allow(request) : unknownMethod;
        this.#bridge.write(JSON.stringify({ jsonrpc: '2.0', id: request.id, ...answer }));
      }
    } catch {
      // The bridge has ended: whoever waits for an answer is told.
    }
  }

  #allow(request: Message): object {
    this.permissions.push(request);
    const options = request.params?.['options'] as readonly PermissionOption[];
    const optionId = options.find(({ kind }) => kind === 'allow_once')?.optionId;
    return { result: { outcome: { outcome: 'selected', optionId } } };
  }
}

const unknownMethod = { error: { code: -32601, message: 'Method not found' } };

export interface Turn {
  readonly stopReason: unknown;
  /** What the agent said in it. */
  readonly text: string;
}

interface PermissionOption {
  readonly optionId: string;
  readonly kind: string;
}

interface Update {
  readonly sessionUpdate?: string;
  readonly content?: { readonly text?: string };
}
