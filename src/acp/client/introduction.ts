import { memberOf, stringAt } from '../message/json-scanner.ts';
import { parseObject, textAt } from '../message/json-text.ts';
import type { Request } from '../message/message.ts';

/**
 * Stores, as text, what an agent last said to a client that introduced itself in the same way: an agent's answer may
 * depend on that. Without a place to store it, it forgets.
 */
export interface CapabilityCache {
  read(client: string): string | undefined;
  write(client: string, text: string): void;
}

/** A request of the client's that is repeated to later agents. */
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
 * How the client introduced itself, which every agent is told, and how an agent of this kind answers, for clients that
 * can't wait for one.
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

  /** The client's `authenticate`, once an agent has accepted it. */
  get authenticate(): Repeated | undefined {
    return this.#authenticate;
  }

  set authenticate(request: Repeated | undefined) {
    this.#authenticate = request;
  }

  /** Whether the client asked not to be told about the start of a workspace. */
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

  /** Stores an agent's results of `initialize` and of opening a session, as JSON text. */
  learn(said: Partial<Said>): void {
    const before = this.#recall();
    const now = { ...before, ...said };
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    this.#said = now;
    this.#options.cache.write(this.#client, JSON.stringify(now));
  }

  /** What an agent of this kind last answered to `initialize`, now or in an earlier process: JSON text. */
  get lastAnswer(): string | undefined {
    return this.#recall().initialize;
  }

  /** What an agent of this kind answered when it last opened a session, without the session's id. */
  get lastOpened(): Readonly<Record<string, unknown>> {
    const { sessionId: _, ...rest } = parsed(this.#recall().opened);
    return rest;
  }

  /**
   * An answer to `initialize` for a client that can't wait: the last known answer, else one with the capabilities of
   * the options or the preset, else a minimal one.
   */
  get standIn(): string {
    const agentCapabilities = this.#options.agentCapabilities ?? modestCapabilities;
    return this.lastAnswer ?? JSON.stringify({ protocolVersion: 1, agentCapabilities, authMethods: [] });
  }

  #recall(): Said {
    this.#said ??= readSaid(this.#options.cache.read(this.#client));
    return this.#said;
  }

  /** The parts of the client's `initialize` that an agent's answer may depend on, as agents get them: JSON texts. */
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
  /** Of `session/new` or a similar request. */
  readonly opened?: string | undefined;
}

/** The bridge itself provides `session/load`: it finds the agent again, or tells that the conversation is lost. */
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

/** Empty for text that is no JSON object. */
function parsed(text: string | undefined): Readonly<Record<string, unknown>> {
  return (text === undefined ? undefined : parseObject(text)) ?? {};
}
