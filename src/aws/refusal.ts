import { printable } from '../base/log.ts';

/** An answer of the service that is not the one hoped for. */
export interface RefusingResponse {
  readonly status: number;
  /** The header `x-amzn-ErrorType`, as it came. */
  readonly errorType?: string | undefined;
  /** The header `Date`, as it came. */
  readonly date?: string | undefined;
  readonly body: string;
}

/** What a refusal says, for people. */
export interface Refusal {
  /** `(HTTP 403 AccessDeniedException: …)`, without secrets. */
  readonly says: string;
  /** Whether it speaks of the signature or of a time. */
  readonly mayBeClock: boolean;
}

/** What to do about the clock, where a refusal may be due to it. `fault` says how it is off, if that is known. */
export function clockRemedy(fault: string | undefined): string {
  return fault === undefined
    ? "Also check this machine's clock: a signature is refused when it is minutes off."
    : `Also set this machine's clock: it is ${fault}, and a signature with AWS's time was refused, too.`;
}

/** Reads name and text of a refusal, in any of the shapes in which the service gives them. */
export function readRefusal({ status, errorType, body }: RefusingResponse): Refusal {
  const fields = parseBody(body);
  const name = errorName(errorType ?? text(fields['__type']));
  const says = presentable(text(fields['message']) ?? text(fields['Message']) ?? text(fields['error']) ?? '');
  return {
    says: `(HTTP ${status}${name && ` ${name}`}${says && `: ${says}`})`,
    mayBeClock: /signature|skew|expired|clock|\b(date|time)\b/i.test(`${name} ${says}`),
  };
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
 * A signature mismatch is answered with the canonical request, session token included: that part is cut, and what
 * looks like a signature, key or token is taken out of the rest.
 */
function presentable(message: string): string {
  const head = message.replace(/\s*The Canonical String.*/is, '').replace(/[A-Za-z0-9+/=]{40,}/g, '…');
  return printable(head.replace(/\s+/g, ' ').trim()).slice(0, 300);
}
