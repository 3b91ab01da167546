import { printable } from '../base/log.ts';

/** What to do after a close code. */
export type CloseAction =
  /** Connect again at once. */
  | 'reconnect'
  /** Connect again after a delay. */
  | 'back-off'
  /** Connect again after a delay, and send fewer frames a second. */
  | 'slow-down'
  /** Connect again, and send smaller frames. */
  | 'shrink'
  /**
   * The shell has ended. A new shell is started under its id, but only when the user of the `Shell` calls `reconnect`.
   */
  | 'wait'
  /** Do not connect again. */
  | 'stop';

/** How a connection ended, and what follows. */
export interface ShellClose {
  /** WebSocket close code; 1006 if the network ended the connection. */
  readonly code: number;
  /** The reason that the other side gave, printable; often empty. */
  readonly reason: string;
  readonly meaning: string;
  readonly action: CloseAction;
}

/** Looks a close up in the one table of close codes, below. */
export function shellClose(code: number, reason: string): ShellClose {
  const said = printable(reason.slice(0, 123));
  return { code, reason: said, ...(code === 1008 ? policyRow(said) : (rows[code] ?? unknown)) };
}

type Row = Pick<ShellClose, 'meaning' | 'action'>;

const rows: Readonly<Record<number, Row>> = {
  1000: { meaning: 'the shell ended', action: 'wait' },
  1001: { meaning: 'the service is being deployed or evicts the connection', action: 'reconnect' },
  1003: { meaning: 'the service took our frames for text', action: 'stop' },
  1005: { meaning: 'the connection was closed without a reason', action: 'reconnect' },
  1006: { meaning: 'the network dropped the connection', action: 'reconnect' },
  1009: { meaning: 'a frame was too large', action: 'shrink' },
  1011: { meaning: 'the service failed, or the shell could not be started', action: 'back-off' },
  4000: { meaning: 'another client attached this shell', action: 'stop' },
};

const unknown: Row = { meaning: 'the service closed the connection', action: 'back-off' };

/**
 * 1008 stands for three limits, which only the text tells apart. Without a hint the rate is assumed, since sending more
 * slowly does no harm.
 */
function policyRow(reason: string): Row {
  if (/hour|duration|lifetime|too long|\bage\b|expired|ttl/i.test(reason)) {
    return { meaning: 'the connection reached its maximum age', action: 'reconnect' };
  }
  if (/buffer|slow|backpressure/i.test(reason)) {
    return { meaning: 'we read too slowly', action: 'reconnect' };
  }
  return { meaning: 'a limit was exceeded, perhaps of frames per second', action: 'slow-down' };
}
