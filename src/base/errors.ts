/**
 * Errors that stay on this side of the wire. `src/acp/message/json-rpc-errors.ts` has the one table of what a client is
 * told about each.
 */
export type ErrorCode =
  /** The user gave an option that can't be used. */
  | 'usage'
  /** No AWS credentials were found, or they can't be loaded. */
  | 'credentials'
  /** The service refused the request: 400, 401, 403. */
  | 'refused'
  /** There is no such runtime or endpoint: 404. */
  | 'not-found'
  /** The service asks to come back later, and a retry may help: 402, 408, 409, 424, 429, 5xx, throttling. */
  | 'busy'
  /** The service could not be connected to, or not again. */
  | 'unreachable'
  /** Another client attached the same shell (close code 4000), or had the thread while this bridge was away. */
  | 'replaced'
  /** The shell is attached, but nothing in it answers the handshake. */
  | 'shell-silent'
  /** The agent host can't work in this container: a tool is missing, or a directory can't be written. */
  | 'host-failed'
  /** The agent ended before it wrote a message. */
  | 'agent-start-failed'
  /** The agent ended. */
  | 'agent-exited'
  /** The microVM or its agent is gone, with everything that was under way. */
  | 'agent-lost'
  /** The agent's input in the microVM is not what was sent. */
  | 'input-damaged'
  /** The bridge itself is leaving. */
  | 'closing';

/**
 * An error with what failed, where, and what to do next. `message` is one sentence, without secrets or text of a
 * prompt.
 */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  readonly code: ErrorCode;
  /** What the user can do about it: one sentence, empty if there is nothing. */
  readonly remedy: string;
  /** Whether a later try of the same thing may succeed. */
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

  /** What failed and what to do, as whole sentences, with a capital and a full stop added where they are missing. */
  get explanation(): string {
    return [this.message, this.remedy]
      .filter((part) => part !== '')
      .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}${/[.!?]$/.test(part) ? '' : '.'}`)
      .join(' ');
  }
}
