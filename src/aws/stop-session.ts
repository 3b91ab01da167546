import { randomUUID } from 'node:crypto';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { BridgeError } from '../base/errors.ts';
import type { RuntimeArn } from './arn.ts';
import type { CredentialSource } from './credentials.ts';
import { type SessionTarget, stopUrl } from './endpoint.ts';
import { clockRemedy, readRefusal, type RefusingResponse, refusingResponse } from './refusal.ts';
import { sign } from './sign.ts';
import type { SigningClock } from './signing-clock.ts';

export interface StopOptions extends SessionTarget {
  readonly credentials: CredentialSource;
  readonly signingClock: SigningClock;
  /** Resolves after `ms` milliseconds, or when the signal is aborted. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Ends a microVM at once (StopRuntimeSession). Resolves when the service has ended it, or has no such microVM.
 * Transient errors are retried until the signal, but not before the time that the service names.
 *
 * Rejects with the last BridgeError: `credentials`, `refused`, `busy`, `unreachable`.
 */
export async function stopSession(options: StopOptions, signal: AbortSignal): Promise<void> {
  // The same token for every try, so that the service takes a try whose answer was lost for the same request.
  const body = JSON.stringify({ clientToken: randomUUID() });
  const { pause = defaultPause } = options;
  let failure = new BridgeError('unreachable', 'AgentCore did not say in time that the microVM has ended', {
    remedy: 'Its idle timeout ends it.',
    retryable: true,
  });
  const over = new AbortController();
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { signal: over.signal });
  });
  try {
    for (let tries = 0; !signal.aborted; tries += 1) {
      // The credential source does not take a signal.
      const result = await Promise.race([tryToStop(options, body, signal), aborted]);
      if (result === 'stopped') return;
      if (result === 'aborted' || signal.aborted) break;
      failure = result.error;
      if (!failure.retryable) break;
      const backoffMs = Math.min(firstPauseMs * 2 ** tries, longestPauseMs);
      await pause(Math.max(backoffMs, result.retryAfterMs), signal);
    }
  } finally {
    over.abort();
  }
  throw failure;
}

/** Short, since a bridge that leaves has one second in all. */
const firstPauseMs = 100;
const longestPauseMs = 1_000;

async function defaultPause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

interface FailedTry {
  readonly error: BridgeError;
  /** In milliseconds. */
  readonly retryAfterMs: number;
}

async function tryToStop(
  options: StopOptions,
  body: string,
  signal: AbortSignal,
): Promise<'stopped' | FailedTry> {
  const { arn, signingClock } = options;
  try {
    const signedAt = signingClock.date();
    let response = await ask(options, body, signedAt, signal);
    if (signingClock.corrects(signedAt, response)) {
      response = await ask(options, body, signingClock.date(), signal);
    }
    const isStopped = (response.status >= 200 && response.status < 300) || response.status === 404;
    if (isStopped) return 'stopped';
    return {
      error: refusal(response, arn, signingClock.fault),
      retryAfterMs: response.retryAfterMs ?? 0,
    };
  } catch (cause) {
    if (cause instanceof BridgeError) return { error: cause, retryAfterMs: 0 };
    const error = new BridgeError('unreachable', "AgentCore can't be reached to end the microVM", {
      remedy: 'Its idle timeout ends it.',
      retryable: true,
      cause,
    });
    return { error, retryAfterMs: 0 };
  }
}

async function ask(
  { credentials, ...target }: StopOptions,
  body: string,
  signedAt: Date,
  signal: AbortSignal,
): Promise<RefusingResponse> {
  const url = stopUrl(target);
  const unsigned = {
    method: 'POST',
    url,
    headers: {
      host: url.host,
      'content-type': 'application/json',
      'x-amzn-bedrock-agentcore-runtime-session-id': target.sessionId,
    },
    body,
  } as const;
  const { headers } = await sign(unsigned, target.arn, await credentials(), signedAt);
  return post(url, headers, body, signal);
}

function post(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<RefusingResponse> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'http:' ? httpRequest : httpsRequest;
    // No agent, so that no connection is kept open for a next request.
    request(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      readText(response).then((text) => resolve(refusingResponse(response, text)), reject);
    })
      .on('error', reject)
      .end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > longestAnswer) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** In bytes. The service's answers hold one sentence. */
const longestAnswer = 64 * 1024;

function refusal(response: RefusingResponse, arn: RuntimeArn, clockFault: string | undefined): BridgeError {
  const { says, mayBeClock, transient } = readRefusal(response);
  const { status } = response;
  if (transient !== undefined || passing.has(status) || status >= 500) {
    return new BridgeError('busy', `AgentCore could not end the microVM ${says}`, {
      remedy: 'Its idle timeout ends it.',
      retryable: true,
    });
  }
  const remedy =
    status === 401 || status === 403
      ? 'The credentials need the permission bedrock-agentcore:StopRuntimeSession on it.'
      : 'Check the endpoint URL and the ARN.';
  return new BridgeError('refused', `AgentCore did not end a microVM of ${arn.text} ${says}`, {
    remedy: mayBeClock ? `${remedy} ${clockRemedy(clockFault)}` : remedy,
  });
}

/** Transient statuses: those of the upgrade, and 409, which is sent while the microVM starts or ends. */
const passing: ReadonlySet<number> = new Set([402, 408, 409, 424, 429]);
