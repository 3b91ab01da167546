import type { BridgeError } from '../base/errors.ts';
import type { ShellClose } from './close-codes.ts';
import type { ShellStatus } from './status.ts';

/**
 * Events of a {@link Shell}: any number of times `onOpen`, then `onStatus` and `onOutput` in the order of arrival, then
 * `onClose`; at most once, and last, `onFailed`.
 */
export interface ShellEvents {
  /** A connection is open and can be written to. The shell may be new, or one that was there before. */
  onOpen(): void;
  /**
   * A STATUS frame: a confirmation (which may come late, twice, or never), how the shell ended, or an error of the
   * platform. An internal error ends the connection.
   */
  onStatus(status: ShellStatus): void;
  /** Output of the PTY, split anywhere. The receiver may keep the bytes. */
  onOutput(bytes: Uint8Array): void;
  /**
   * The connection is gone, and bytes that were not processed yet may be lost. A new connection follows, or `onFailed`.
   * But after `close.action` `wait` (the shell itself has ended) nothing follows until `reconnect` is called.
   */
  onClose(close: ShellClose): void;
  /** The shell has failed; no further connection is made. */
  onFailed(error: BridgeError): void;
}

/**
 * Keeps one AgentCore shell connected: connects, and connects again after a drop, as the close code or the upgrade
 * error says. It knows nothing of what runs in the shell: its user sends again what was on the way when a connection
 * broke.
 */
export interface Shell {
  /** Connects. Call it once, and once after each `rest`. */
  start(): void;
  /**
   * Sends bytes to the PTY in paced frames. The bytes are not copied, so they must not change until they are sent.
   * Bytes that are written while no connection is open are dropped.
   */
  write(bytes: Uint8Array): void;
  /** Bytes that were written to the open connection and that the kernel has not taken. */
  readonly unsentBytes: number;
  /** Resolves when `unsentBytes` is at most `bytes`, or the connection is gone. */
  sent(bytes: number): Promise<void>;
  /** Stops reading from the connection, so that the service has to wait. Stays in force after a reconnect. */
  pause(): void;
  resume(): void;
  /**
   * Says that the connection proved useful: the next backoff begins at its first step, with its whole budget of time. A
   * shell that is never settled is given up when the budget is used up.
   */
  settle(): void;
  /**
   * Leaves the connection and opens another one, after the backoff's delay if `delay` says so. Whatever still arrives
   * on the old one is dropped, and `onClose` follows. If an attempt is waiting already, `at-once` cuts its delay to
   * what the service asks for.
   */
  reconnect(why: string, delay: 'at-once' | 'backoff'): void;
  /** Detaches until `start` is called. The shell and its programs go on. `onClose` follows if a connection was open. */
  rest(why: string): void;
  /**
   * Detaches. The shell and its programs go on. Resolves when the socket is closed, after at most `graceMs`. No event
   * follows.
   */
  close(graceMs: number): Promise<void>;
}
