import type { IncomingMessage } from 'node:http';
import { printable } from '../base/log.ts';

/** An answer of the service that is not a success. */
export interface RefusingResponse {
  readonly status: number;
  /** The header `x-amzn-ErrorType`, unchanged. */
  readonly errorType?: string | undefined;
  /** The header `Date`, unchanged. */
  readonly date?: string | undefined;
  /** How long the service wants no further request, in milliseconds; undefined if it does not say. */
  readonly retryAfterMs?: number | undefined;
  readonly body: string;
}

/** The content of a refusal. */
export interface Refusal {
  /** `(HTTP 403 AccessDeniedException: …)`, without secrets. */
  readonly says: string;
  /** Whether it mentions the signature or a time. */
  readonly mayBeClock: boolean;
  /** The kind of transient error that its name stands for, whatever its status; undefined for every other name. */
  readonly transient: TransientKind | undefined;
}

export type TransientKind = 'throttled' | 'timed-out' | 'conflict';

/**
 * Reduces an answer to the parts that this module reads.
 *
 * @param now this machine's time in milliseconds since the epoch; used for a `Retry-After` date in an answer without
 * `Date`
 */
export function refusingResponse(
  { statusCode, headers }: Pick<IncomingMessage, 'statusCode' | 'headers'>,
  body: string,
  now: number = Date.now(),
): RefusingResponse {
  return {
    status: statusCode ?? 0,
    errorType: headers['x-amzn-errortype']?.toString(),
    date: headers.date,
    retryAfterMs: retryAfterMs(headers, now),
    body,
  };
}

/**
 * What the user can do about the clock, if it may be the cause of a refusal. `fault` says how the clock is wrong, if
 * that is known.
 */
export function clockRemedy(fault: string | undefined): string {
  return fault === undefined
    ? "Also check this machine's clock: a signature is refused when it is minutes off."
    : `Also set this machine's clock: it is ${fault}, and a signature with AWS's time was refused, too.`;
}

/** Reads the name and the text of a refusal, in each of the forms that the service uses. */
export function readRefusal({ status, errorType, body }: RefusingResponse): Refusal {
  const fields = parseBody(body);
  const name = errorName(errorType ?? text(fields['__type']));
  const message = text(fields['message']) ?? text(fields['Message']);
  const error = text(fields['error']);
  // The cause of a 424 is in `error`, that of every other status in `message`.
  const says = presentable((status === 424 ? (error ?? message) : (message ?? error)) ?? '');
  return {
    says: `(HTTP ${status}${name && ` ${name}`}${says && `: ${says}`})`,
    mayBeClock: /signature|skew|expired|clock|\b(date|time)\b/i.test(`${name} ${says}`),
    transient: transientNames.get(name),
  };
}

/**
 * Names of transient errors: those of botocore's standard retry mode (`botocore/retries/standard.py`, 1.44), and the
 * one that the service model marks as retryable.
 */
const transientNames: ReadonlyMap<string, TransientKind> = new Map([
  ...[
    'Throttling',
    'ThrottlingException',
    'ThrottledException',
    'RequestThrottledException',
    'TooManyRequestsException',
    'ProvisionedThroughputExceededException',
    'TransactionInProgressException',
    'RequestLimitExceeded',
    'BandwidthLimitExceeded',
    'LimitExceededException',
    'RequestThrottled',
    'SlowDown',
    'PriorRequestNotComplete',
    'EC2ThrottledException',
  ].map((name) => [name, 'throttled'] as const),
  ['RequestTimeout', 'timed-out'],
  ['RequestTimeoutException', 'timed-out'],
  ['RetryableConflictException', 'conflict'],
]);

/**
 * The later of the two headers `Retry-After` (RFC 9110: seconds, or a date) and `x-amz-retry-after` (milliseconds).
 * Undefined if neither has that form.
 */
function retryAfterMs(headers: IncomingMessage['headers'], now: number): number | undefined {
  const floors = [
    Number(wholeNumber(headers['retry-after'])) * 1_000,
    Number(wholeNumber(headers['x-amz-retry-after']?.toString())),
    // Compared with the service's own `Date`, since this machine's clock may be wrong.
    Math.max((httpDate(headers['retry-after']) ?? NaN) - (httpDate(headers.date) ?? now), 0),
  ].filter((ms) => Number.isFinite(ms));
  return floors.length === 0 ? undefined : Math.max(...floors);
}

function wholeNumber(header: string | undefined): string | undefined {
  return /^\d{1,15}$/.exec(header?.trim() ?? '')?.[0];
}

/** Milliseconds since the epoch; undefined for any form other than the one that HTTP requires of servers. */
export function httpDate(header: string | undefined): number | undefined {
  const time = Date.parse(header ?? '');
  return !Number.isNaN(time) && new Date(time).toUTCString() === header ? time : undefined;
}

/** `AccessDeniedException` of `com.amazon#AccessDeniedException:http://…`. */
function errorName(raw: string | undefined): string {
  return printable((raw ?? '').replace(/:.*/s, '').replace(/^.*#/s, '').trim().slice(0, 100));
}

function parseBody(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * The answer to a wrong signature holds the canonical request with the session token: that part is cut off, and
 * whatever looks like a signature, key or token is removed from the rest.
 */
function presentable(message: string): string {
  const head = message.replace(/\s*The Canonical String.*/is, '').replace(/[A-Za-z0-9+/=]{40,}/g, '…');
  return printable(head.replace(/\s+/g, ' ').trim()).slice(0, 300);
}
