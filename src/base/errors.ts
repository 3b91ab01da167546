/**
 * Errors that stay on this side of the wire. `src/acp/message/json-rpc-errors.ts` holds the one table that says what a
 * client is told about each.
 */
export type ErrorCode =
  /** The person gave an option that can't be used. */
  | 'usage'
  /** No AWS credentials were found, or they can't be loaded. */
  | 'credentials'
  /** The service said no: 400, 401, 403. */
  | 'refused'
  /** No such runtime or endpoint: 404. */
  | 'not-found'
  /** The service asks to come back later, and a retry may help: 402, 408, 409, 424, 429, 5xx, throttling. */
  | 'busy'
  /** No connection to the service could be had, or not again. */
  | 'unreachable'
  /** Another client attached the same shell (close code 4000), or had the thread while this bridge was away. */
  | 'replaced'
  /** The shell is attached, but nothing in it answers the handshake. */
  | 'shell-silent'
  /** The agent host can't work in this container: a tool is missing, or a directory can't be written. */
  | 'host-failed'
  /** The agent ended before it said anything. */
  | 'agent-start-failed'
  /** The agent ended. */
  | 'agent-exited'
  /** The microVM, or the agent's life in it, is gone with what was under way. */
  | 'agent-lost'
  /** What arrived in the microVM is not what was sent. */
  | 'input-damaged'
  /** The bridge itself is leaving. */
  | 'closing';

/** What failed, where, and what to do next. `message` is one sentence without secrets or prompt text. */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  readonly code: ErrorCode;
  /** What the person can do about it: one sentence, empty where there is nothing to do. */
  readonly remedy: string;
  /** Whether the same thing may work when it is tried again later. */
  readonly retryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { remedy?: string; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy ?? '';
    this.retryable = options.retryable ?? false;
  }

  /** What failed and what to do, for people: whole sentences, however their authors began and ended them. */
  get explanation(): string {
    return [this.message, this.remedy]
      .filter((part) => part !== '')
      .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}${/[.!?]$/.test(part) ? '' : '.'}`)
      .join(' ');
  }
}
