import type { PtyExit } from '../microvm/pty.ts';

const encoder = new TextEncoder();

/** The STATUS payload that names the shell which a connection is attached to. */
export function confirmation(metadata: {
  readonly shellId: string;
  /** Undefined: the payload does not have it. */
  readonly reconnected?: boolean;
  readonly bytesDropped?: number;
}): Uint8Array {
  return json({ kind: 'Status', apiVersion: 'v1', metadata, status: 'Success' });
}

/** The STATUS payload for the end of a shell. */
export function exitStatus({ code, signal }: PtyExit): Uint8Array {
  if (code === 0 && signal === 0) {
    return json({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' });
  }
  // A shell counts death by a signal as 128 + N.
  const exitCode = signal === 0 ? code : 128 + signal;
  const causes = [{ reason: 'ExitCode', message: String(exitCode) }];
  if (signal !== 0) causes.push({ reason: 'Signal', message: String(signal) });
  return json({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with exit code ${exitCode}`,
    details: { causes },
  });
}

/** The STATUS payload for a failure of the platform. */
export function internalError(message: string): Uint8Array {
  return json({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    message,
    code: 500,
  });
}

function json(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}
