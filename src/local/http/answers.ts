import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { ServiceError } from '../behaviour/service-error.ts';

/** Answers a request with an error. */
export function sendError(
  response: ServerResponse,
  error: ServiceError,
  headers: Record<string, string> = {},
): void {
  sendBody(response, error.status, error.errorType, error.body, headers);
}

/** Answers a request with an error whose body is given. */
export function sendBody(
  response: ServerResponse,
  status: number,
  errorType: string,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-amzn-ErrorType': errorType,
    'x-amzn-requestid': randomUUID(),
    connection: 'close',
    ...headers,
  });
  response.end(body);
}

/** The value of the `Date` header. Clients whose clock is wrong sign again by it. */
export function httpDate(now: number): string {
  return new Date(now).toUTCString();
}
