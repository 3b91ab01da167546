import { memberOf, stringAt } from '../message/json-scanner.ts';
import { parseObject, textAt } from '../message/json-text.ts';
import type { Request } from '../message/message.ts';

/**
 * Keeps what an agent said last time, as text, to a client that said the same of itself: an agent may offer less to one, or
 * something else. Where there is no place for it, it forgets.
 */
export interface CapabilityCache {
  read(client: string): string | undefined;
  write(client: string, text: string): void;
}

/** A request of the client's that later agents get as well. */
export interface Repeated {
  readonly line: Uint8Array;
  readonly message: Request;
}

export interface IntroductionOptions {
  readonly cache: CapabilityCache;
  /** `agentCapabilities` for a client that can't wait for an agent. */
  readonly agentCapabilities: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What the client said of itself, which every agent is told; and what an agent of this kind says of itself, for when the
 * client can't wait for one.
 */
export class Introduction {
  readonly #options: IntroductionOptions;
  #initialize: Repeated | undefined;
  #authenticate: Repeated | undefined;
  #said: Said | undefined;

  constructor(options: IntroductionOptions) {
    this.#options = options;
  }

  /** The client's `initialize`, once it has come. */
  get initialize(): Repeated | undefined {
    return this.#initialize;
  }

  set initialize(request: Repeated) {
    this.#initialize = request;
    this.#said = undefined;
  }

  /** Its `authenticate`, once an agent has accepted it. */
  get authenticate(): Repeated | undefined {
    return this.#authenticate;
  }

  set authenticate(request: Repeated | undefined) {
    this.#authenticate = request;
  }

  /** Whether the client asked not to be told how a workspace comes to be. */
  get wantsNoProgress(): boolean {
    const { line, message } = this.#initialize ?? {};
    if (line === undefined || message?.params === undefined) return false;
    const meta = [
      memberOf(line, message.params, '_meta'),
      memberOf(line, memberOf(line, message.params, 'clientCapabilities'), '_meta'),
    ];
    return meta.some((each) => {
      const wish = memberOf(line, each, 'agentcore-bridge/progress');
      return wish !== undefined && textAt(line, wish) === 'false';
    });
  }

  get clientName(): string {
    const { line, message } = this.#initialize ?? {};
    if (line === undefined || message === undefined) return '';
    const info = memberOf(line, message.params, 'clientInfo') ?? memberOf(line, message.params, 'info');
    return stringAt(line, memberOf(line, info, 'name')) ?? '';
  }

  /** An agent answered `initialize`, or opened a session: texts of the results. */
  learn(said: Partial<Said>): void {
    const before = this.#recall();
    const now = { ...before, ...said };
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    this.#said = now;
    this.#options.cache.write(this.#client, JSON.stringify(now));
  }

  /** What an agent of this kind answered `initialize` with, now or in an earlier process: JSON text. */
  get lastAnswer(): string | undefined {
    return this.#recall().initialize;
  }

  /** What else than its id an agent of this kind said of a session that it opened. */
  get lastOpened(): Readonly<Record<string, unknown>> {
    const { sessionId: _, ...rest } = parsed(this.#recall().opened);
    return rest;
  }

  /** An answer to `initialize` for a client that can't wait: what was said last time, or else what the person or the preset says, or little. */
  get standIn(): string {
    const agentCapabilities = this.#options.agentCapabilities ?? modestCapabilities;
    return this.lastAnswer ?? JSON.stringify({ protocolVersion: 1, agentCapabilities, authMethods: [] });
  }

  #recall(): Said {
    this.#said ??= readSaid(this.#options.cache.read(this.#client));
    return this.#said;
  }

  /** What the client said that an agent's answer may depend on: JSON texts, as agents get them. */
  get #client(): string {
    const { line, message } = this.#initialize ?? {};
    if (line === undefined) return '';
    const said = ['protocolVersion', 'clientCapabilities'].map((name) =>
      memberOf(line, message?.params, name),
    );
    return said.map((span) => (span === undefined ? 'null' : textAt(line, span))).join(' ');
  }
}

/** The latest results of such agents, as JSON text. */
interface Said {
  readonly initialize?: string | undefined;
  /** Of `session/new` or its kin. */
  readonly opened?: string | undefined;
}

/** `session/load` is the bridge's own to keep: it finds the agent again, or tells that the conversation is lost. */
const modestCapabilities = {
  loadSession: true,
  promptCapabilities: { image: false, audio: false, embeddedContext: false },
  mcpCapabilities: { http: false, sse: false },
} as const;

function readSaid(text: string | undefined): Said {
  const { initialize, opened } = parsed(text);
  return {
    initialize: isJsonObject(initialize) ? initialize : undefined,
    opened: isJsonObject(opened) ? opened : undefined,
  };
}

function isJsonObject(text: unknown): text is string {
  return typeof text === 'string' && Object.keys(parsed(text)).length > 0;
}

/** Empty for what is no object. */
function parsed(text: string | undefined): Readonly<Record<string, unknown>> {
  return (text === undefined ? undefined : parseObject(text)) ?? {};
}
