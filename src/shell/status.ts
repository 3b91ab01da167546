import { z } from 'zod';
import { printable } from '../base/log.ts';

/** What a STATUS frame says. */
export type ShellStatus =
  | {
      readonly is: 'confirmation';
      /** Absent in a second confirmation that only tells of dropped bytes. */
      readonly shellId?: string | undefined;
      /** Whether the shell was there before. */
      readonly reconnected: boolean;
      /** Bytes of output that the replay has lost. */
      readonly bytesDropped?: number | undefined;
    }
  | {
      readonly is: 'exited';
      /** Absent where only a signal is told. */
      readonly code?: number | undefined;
      /** As the service names it. */
      readonly signal?: string | undefined;
    }
  | {
      readonly is: 'platform-error';
      readonly reason: string;
      readonly message: string;
      readonly code?: number | undefined;
    }
  | { readonly is: 'unknown' };

/** Reads the payload of a STATUS frame: JSON in the manner of Kubernetes' `metav1.Status`. Never throws. */
export function decodeStatus(payload: Uint8Array): ShellStatus {
  const parsed = schema.safeParse(parse(payload));
  if (!parsed.success) return { is: 'unknown' };
  const { status, metadata, reason, code, message, details } = parsed.data;
  if (status === 'Success') {
    const { shellId, reconnected, bytesDropped } = metadata;
    if (shellId === undefined && reconnected === undefined && bytesDropped === undefined) {
      return { is: 'exited', code: 0 };
    }
    return { is: 'confirmation', shellId, reconnected: reconnected ?? false, bytesDropped };
  }
  const cause = (name: string): string | undefined =>
    details.causes.find((each) => each.reason === name)?.message;
  const signal = cause('Signal');
  const exitCode = /^\d{1,3}$/.exec(cause('ExitCode') ?? /exit code (\d+)/.exec(message)?.[1] ?? '')?.[0];
  if (signal !== undefined || exitCode !== undefined) {
    return { is: 'exited', code: exitCode === undefined ? undefined : Number(exitCode), signal };
  }
  return { is: 'platform-error', reason, message, code };
}

const words = z
  .string()
  .transform((text) => printable(text.slice(0, 500)))
  .catch('');

const schema = z.object({
  status: z.enum(['Success', 'Failure']),
  metadata: z
    .object({
      shellId: z.string().min(1).optional().catch(undefined),
      reconnected: z.boolean().optional().catch(undefined),
      bytesDropped: z.number().nonnegative().optional().catch(undefined),
    })
    .catch({}),
  reason: words,
  message: words,
  code: z.number().optional().catch(undefined),
  details: z.object({ causes: z.array(z.object({ reason: words, message: words })) }).catch({ causes: [] }),
});

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
