import type { UpgradeRefusal } from '../aws/upgrade-errors.ts';
import { BridgeError } from '../base/errors.ts';
import type { ShellClose } from './close-codes.ts';
import { connectError } from './connect-errors.ts';

/** What follows when an attempt or a connection has ended. */
export type Verdict =
  /** Try again, not before `floorMs`. If the time for tries is used up, fail with `error`. */
  | { readonly is: 'retry'; readonly floorMs: number; readonly error: BridgeError }
  /** Wait until the user asks. */
  | { readonly is: 'rest' }
  | { readonly is: 'stop'; readonly error: BridgeError };

/** After an open connection has closed. */
export function verdictOnClose(close: ShellClose): Verdict {
  if (close.action === 'wait') return { is: 'rest' };
  if (close.action === 'stop') {
    return { is: 'stop', error: close.code === 4000 ? replacedError() : faultError(close) };
  }
  return { is: 'retry', floorMs: close.action === 'reconnect' ? 0 : backOffMs, error: brokenError(close) };
}

/** After the service has refused an upgrade. */
export function verdictOnRefusal({ error, action }: UpgradeRefusal): Verdict {
  return action.is === 'stop' ? { is: 'stop', error } : { is: 'retry', floorMs: action.firstDelayMs, error };
}

/**
 * After an attempt that got no answer. If the service never answered before, an error that a retry can't mend is taken
 * for a mistake in the setup; later, for a passing change of the network, such as a captive portal.
 */
export function verdictOnFailure(cause: unknown, endpoint: URL, reached: boolean): Verdict {
  const error = cause instanceof BridgeError ? cause : connectError(cause, endpoint);
  return reached || error.retryable ? { is: 'retry', floorMs: 0, error } : { is: 'stop', error };
}

/** Shortest delay of a try that must not come at once. */
const backOffMs = 250;

function brokenError(close: ShellClose): BridgeError {
  return new BridgeError('unreachable', `The connection to the shell does not last: ${told(close)}.`, {
    remedy: 'Check the network, and the state of the runtime.',
    retryable: true,
  });
}

function replacedError(): BridgeError {
  return new BridgeError('replaced', 'Another client attached this shell and took it over.', {
    remedy: 'Only one client at a time can use a thread: end the other one, or use another thread.',
  });
}

function faultError(close: ShellClose): BridgeError {
  return new BridgeError('refused', `The service ended the connection for good: ${told(close)}.`, {
    remedy: 'This is a fault of this program: please report it.',
  });
}

function told(close: ShellClose): string {
  return `${close.meaning} (close code ${close.code}${close.reason && `, ${close.reason}`})`;
}
