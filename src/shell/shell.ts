import type { BridgeError } from '../base/errors.ts';
import type { ShellClose } from './close-codes.ts';
import type { ShellStatus } from './status.ts';

/**
 * What whoever uses a {@link Shell} is told, in this order: any number of times `onOpen`, then `onStatus` and
 * `onOutput` in the order of arrival, then `onClose`; at most once, and last, `onFailed`.
 */
export interface ShellEvents {
  /** A connection is open and can be written to. The shell behind it may be new, or one that was left. */
  onOpen(): void;
  /**
   * A STATUS frame: a confirmation (perhaps late, twice, or never), how the shell ended, or an error of the platform. An internal
   * one ends the connection.
   */
  onStatus(status: ShellStatus): void;
  /** Output of the PTY, split anywhere. The bytes are the receiver's to keep. */
  onOutput(bytes: Uint8Array): void;
  /**
   * The connection is gone, and what was written but not yet processed may be lost. A new one follows, or `onFailed`;
   * but after `close.action` `wait` (the shell itself ended) nothing does until `reconnect` is called, here or later.
   */
  onClose(close: ShellClose): void;
  /** There will be no further connection. */
  onFailed(error: BridgeError): void;
}

/**
 * One AgentCore shell, held open: connects, and connects again after a drop, as the close code or the upgrade error
 * calls for. Knows nothing of what runs in the shell: bytes that were on their way when a connection broke are the
 * user's to send again.
 */
export interface Shell {
  /** Begins to connect. Once, and once after each `rest`. */
  start(): void;
  /**
   * Sends bytes to the PTY: coalesced, split and paced. They are not copied, and must not change until they are sent.
   * Bytes that are written while no connection is open are dropped.
   */
  write(bytes: Uint8Array): void;
  /** Bytes that were written to the open connection and have not left this process yet. */
  readonly unsentBytes: number;
  /** Resolves when `unsentBytes` is at most `bytes`, or the connection is gone. */
  sent(bytes: number): Promise<void>;
  /** Stops reading from the connection: the other side will feel it. Survives reconnects. */
  pause(): void;
  resume(): void;
  /**
   * The connection proved useful: the next backoff begins at its first step again, with its whole budget of time.
   * Without this a connection that breaks time and again is given up in the end.
   */
  settle(): void;
  /**
   * Leaves this connection (what still arrives on it is dropped, and `onClose` follows) and opens another, after the
   * backoff's delay if `delay` says so. While one is on its way already, `at-once` only cuts the delay short,
   * to no less than what the service asks for.
   */
  reconnect(why: string, delay: 'at-once' | 'backoff'): void;
  /**
   * Detaches until `start` is called: the shell and what runs in it go on. Where a connection was open, `onClose` follows.
   */
  rest(why: string): void;
  /** Detaches: the shell and what runs in it go on. Resolves when the socket is closed, after at most `graceMs`. No event follows. */
  close(graceMs: number): Promise<void>;
}
