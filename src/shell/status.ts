import { printable } from '../base/log.ts';

/** The content of a STATUS frame. */
export type ShellStatus =
  | {
      readonly is: 'confirmation';
      /** Absent in a second confirmation that only reports dropped bytes. */
      readonly shellId?: string | undefined;
      /** Whether the shell existed before; undefined if the service does not say. */
      readonly reconnected?: boolean | undefined;
      /** Bytes of output that are missing in the replay. */
      readonly bytesDropped?: number | undefined;
    }
  | {
      readonly is: 'exited';
      /** Absent if only a signal is reported. */
      readonly code?: number | undefined;
      /** The service's name of the signal. */
      readonly signal?: string | undefined;
    }
  | {
      /**
       * A failure other than an exit of the shell. `isInternal`: a fault of the service, after which the shell can't be
       * used.
       */
      readonly is: 'platform-error';
      readonly isInternal: boolean;
      readonly reason: string;
      readonly message: string;
      readonly code?: number | undefined;
    }
  | { readonly is: 'unknown' };

/** Reads the payload of a STATUS frame: JSON in the form of Kubernetes' `metav1.Status`. Never throws. */
export function decodeStatus(payload: Uint8Array): ShellStatus {
  const { status, metadata, reason, code, message, details } = membersOf(parse(payload));
  if (status === 'Success') {
    const { shellId, reconnected, bytesDropped } = membersOf(metadata);
    const confirmed = {
      shellId: typeof shellId === 'string' && shellId !== '' ? shellId : undefined,
      reconnected: typeof reconnected === 'boolean' ? reconnected : undefined,
      bytesDropped: typeof bytesDropped === 'number' && bytesDropped >= 0 ? bytesDropped : undefined,
    };
    if (Object.values(confirmed).every((value) => value === undefined)) return { is: 'exited', code: 0 };
    return { is: 'confirmation', ...confirmed };
  }
  if (status !== 'Failure') return { is: 'unknown' };
  const { causes } = membersOf(details);
  const known = (Array.isArray(causes) ? causes : []).map(membersOf);
  const cause = (name: string): string | undefined => {
    const found = known.find((each) => each['reason'] === name);
    return found === undefined ? undefined : words(found['message']);
  };
  const text = words(message);
  const signal = cause('Signal');
  const exitCode = /^\d{1,3}$/.exec(cause('ExitCode') ?? /exit code (\d+)/.exec(text)?.[1] ?? '')?.[0];
  if (signal !== undefined || exitCode !== undefined) {
    return { is: 'exited', code: exitCode === undefined ? undefined : Number(exitCode), signal };
  }
  return {
    is: 'platform-error',
    isInternal: reason === 'InternalError' || code === 500,
    reason: words(reason),
    message: text,
    code: typeof code === 'number' ? code : undefined,
  };
}

/** The members of an object; none for a value of another type. */
function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function words(value: unknown): string {
  return typeof value === 'string' ? printable(value.slice(0, 500)) : '';
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
