import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LineAssembler } from '../../src/base/lines.ts';
import { withNumbers } from '../numbered.ts';

/** A JSON-RPC message, as far as the demo looks at it. */
export interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A message that was sent to the bridge or came from it. */
export interface Crossing {
  readonly direction: 'to-agent' | 'to-bot';
  readonly kind: 'request' | 'answer' | 'notification';
  /** Of an answer: the method of what it answers. */
  readonly method: string;
  readonly message: Message;
}

export interface ChatBotOptions {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** All that its environment holds. */
  readonly env: Readonly<Record<string, string>>;
  readonly onCrossing: (crossing: Crossing) => void;
  /** A line of its stderr. */
  readonly onComplaint: (line: string) => void;
}

/** Spawns the bridge as a chat bot does its agent command: three pipes, a process group and an environment of its own. */
export class ChatBot {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #onCrossing: ChatBotOptions['onCrossing'];
  /** Its exit code; null if a signal ended it. */
  readonly #exit: Promise<number | null>;
  /** Requests that wait for their answer, by id. */
  readonly #asked = new Map<number, PromiseWithResolvers<unknown> & { method: string }>();
  #nextId = 0;
  #sent = 0;

  constructor({ command: [program, ...args], env, onCrossing, onComplaint }: ChatBotOptions) {
    this.#onCrossing = onCrossing;
    this.#child = spawn(program, args, { env, detached: true });
    const lines = new LineAssembler({
      maxBytes: maxLineBytes,
      onLine: (line) => this.#onMessage(JSON.parse(new TextDecoder().decode(line)) as Message),
      onOversizedLine: () => onComplaint('a line is too long for the demo'),
    });
    this.#child.stdout.on('data', (chunk: Uint8Array) => lines.push(chunk));
    // A bridge that has left takes no more input: what is open is rejected below.
    this.#child.stdin.on('error', () => undefined);
    createInterface({ input: this.#child.stderr }).on('line', onComplaint);
    this.#exit = once(this.#child, 'close').then(([code]) => {
      for (const { reject } of this.#asked.values()) reject(new Error('the bridge has left'));
      return code as number | null;
    });
  }

  /** Resolves to the result. Rejects with what the error says, or when the bridge leaves. */
  request(method: string, params: unknown): Promise<unknown> {
    const id = this.#nextId;
    this.#nextId += 1;
    const asked = Promise.withResolvers<unknown>();
    this.#asked.set(id, { ...asked, method });
    this.#send({ direction: 'to-agent', kind: 'request', method, message: { id, method, params } });
    return asked.promise;
  }

  /** Ends the input and resolves to the exit code. */
  leave(): Promise<number | null> {
    this.#child.stdin.end();
    return this.#exit;
  }

  /** As a bot that is told to stop. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  #onMessage(message: Message): void {
    const { id, method } = message;
    if (method !== undefined) {
      const kind = id === undefined ? 'notification' : 'request';
      this.#onCrossing({ direction: 'to-bot', kind, method, message });
      if (id !== undefined) this.#answer(id, method, message.params);
      return;
    }
    const asked = id === undefined ? undefined : this.#asked.get(id);
    if (id === undefined || asked === undefined) return;
    this.#asked.delete(id);
    this.#onCrossing({ direction: 'to-bot', kind: 'answer', method: asked.method, message });
    if (message.error === undefined) asked.resolve(message.result);
    else asked.reject(new Error(message.error.message));
  }

  #answer(id: number, method: string, params: unknown): void {
    const outcome =
      method === 'session/request_permission'
        ? { result: { outcome: { outcome: 'selected', optionId: mostPermissive(params) } } }
        : { error: { code: -32601, message: `${method} is not offered here` } };
    this.#send({ direction: 'to-agent', kind: 'answer', method, message: { id, ...outcome } });
  }

  #send(crossing: Crossing): void {
    const message = withNumbers(crossing.message, { 'example/number': this.#sent });
    this.#sent += 1;
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    this.#onCrossing(crossing);
  }
}

/** As openab does, whose people can't be asked. */
function mostPermissive(params: unknown): string | undefined {
  const { options } = params as { options: readonly { optionId: string; kind: string }[] };
  const kinds = ['allow_always', 'allow_once'];
  return (
    kinds.map((kind) => options.find((option) => option.kind === kind)).find(Boolean)?.optionId ??
    options[0]?.optionId
  );
}

/** As much as the bridge lets through by default. */
const maxLineBytes = 64 * 1024 * 1024;
