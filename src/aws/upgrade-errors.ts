import { BridgeError, type ErrorCode } from '../base/errors.ts';
import type { RuntimeArn } from './arn.ts';
import { clockRemedy, readRefusal, type RefusingResponse, type TransientKind } from './refusal.ts';

/** What the service answered instead of the upgrade. */
export type UpgradeResponse = RefusingResponse;

/** The error, and whether to try again: not before `firstDelayMs`, and with backoff after that. */
export interface UpgradeRefusal {
  readonly error: BridgeError;
  readonly action: { readonly is: 'stop' } | { readonly is: 'retry'; readonly firstDelayMs: number };
}

/**
 * Reads the answer: by its error name if that is a transient one, else by its status in the one table of upgrade
 * errors, below. The time that the service names for a retry is the least value of `firstDelayMs`.
 *
 * @param clockFault how this machine's clock is wrong, if that is known
 */
export function upgradeRefusal(
  response: UpgradeResponse,
  arn: RuntimeArn,
  clockFault?: string,
): UpgradeRefusal {
  const { says, mayBeClock, transient } = readRefusal(response);
  const row = transient === undefined ? rowOf(response.status) : transientRows[transient];
  const { retryAfterMs = 0 } = response;
  const isRetried = row.firstDelayMs !== undefined;
  const error = new BridgeError(row.code, `${row.what(arn.text)} ${says}`, {
    remedy: isRetried ? retryRemedy(row.remedy, retryAfterMs) : refusedRemedy(row, mayBeClock, clockFault),
    retryable: isRetried,
  });
  if (row.firstDelayMs === undefined) return { error, action: { is: 'stop' } };
  return { error, action: { is: 'retry', firstDelayMs: Math.max(row.firstDelayMs, retryAfterMs) } };
}

function refusedRemedy({ code, remedy }: Row, mayBeClock: boolean, clockFault: string | undefined): string {
  return code === 'refused' && mayBeClock ? `${remedy} ${clockRemedy(clockFault)}` : remedy;
}

function retryRemedy(remedy: string, retryAfterMs: number): string {
  if (retryAfterMs === 0) return remedy;
  return `${remedy} The service asks to try again in ${Math.ceil(retryAfterMs / 1_000)} s at the earliest.`;
}

interface Row {
  readonly code: ErrorCode;
  readonly what: (arn: string) => string;
  readonly remedy: string;
  /** Absent: the same request would be refused again. */
  readonly firstDelayMs?: number;
}

const permission = 'bedrock-agentcore:InvokeAgentRuntimeCommandShell';

const notAllowed: Row = {
  code: 'refused',
  what: (arn) => `AgentCore did not allow a shell in ${arn}`,
  remedy: `The credentials need the permission ${permission} on it.`,
};
const quota: Row = {
  code: 'busy',
  what: (arn) => `AgentCore has no room for another shell or request in ${arn} now`,
  remedy: 'Close shells that are no longer needed (ten may be open in a microVM), or raise the quota.',
  firstDelayMs: 2_000,
};
const timedOut: Row = {
  code: 'busy',
  what: () => 'AgentCore did not get the request for a shell in time',
  remedy: 'Check the network if it lasts.',
  firstDelayMs: 1_000,
};
const conflict: Row = {
  code: 'busy',
  what: () => 'The shell or its microVM is being claimed, started or stopped at this moment',
  remedy: 'Try again in a few seconds.',
  firstDelayMs: 1_000,
};
const serverError: Row = {
  code: 'busy',
  what: () => 'AgentCore failed to open the shell',
  remedy: 'Try again later.',
  firstDelayMs: 1_000,
};
const unknown: Row = {
  code: 'refused',
  what: (arn) => `The endpoint did not open a shell in ${arn}`,
  remedy: 'Check the endpoint URL and the ARN.',
};

/** AWS's documents name each of 402, 424 and 429 for "too many shells" and for transient causes, so all are retried. */
const rows: Readonly<Record<number, Row>> = {
  400: {
    code: 'refused',
    what: (arn) => `AgentCore refused the request for a shell in ${arn}`,
    remedy:
      'Check that the runtime is READY, that its Region offers shells, and that it was deployed after 5 June 2026.',
  },
  401: notAllowed,
  402: quota,
  403: notAllowed,
  404: {
    code: 'not-found',
    what: (arn) => `AgentCore knows no ${arn}, or no such endpoint of it`,
    remedy: 'Check the runtime ARN, its Region and the qualifier.',
  },
  408: timedOut,
  409: conflict,
  424: {
    code: 'busy',
    what: (arn) => `The microVM of ${arn} could not be reached, or has too many shells`,
    remedy: "Look at the runtime's logs if it lasts.",
    firstDelayMs: 1_000,
  },
  429: quota,
};

const transientRows: Readonly<Record<TransientKind, Row>> = {
  throttled: quota,
  'timed-out': timedOut,
  conflict,
};

function rowOf(status: number): Row {
  return rows[status] ?? (status >= 500 ? serverError : unknown);
}
