import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** A refusal that crosses the wire as AWS shapes it. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly status: number;
  /** What `x-amzn-ErrorType` says. */
  readonly errorType: string;

  constructor(status: number, message: string, errorType: string = errorTypeOf(status)) {
    super(message);
    this.status = status;
    this.errorType = errorType;
  }
}

/** The name that the service model gives an HTTP status. */
export function errorTypeOf(status: number): string {
  return errorTypes[status] ?? 'InternalServerException';
}

/** Answers a request with an error. */
export function sendError(
  response: ServerResponse,
  error: ServiceError,
  headers: Record<string, string> = {},
): void {
  sendBody(response, error.status, error.errorType, JSON.stringify({ message: error.message }), headers);
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
    'x-amzn-errortype': errorType,
    'x-amzn-requestid': randomUUID(),
    connection: 'close',
    ...headers,
  });
  response.end(body);
}

/** What the `Date` of an answer says. Clients whose clock is off sign again by it. */
export function httpDate(now: number): string {
  return new Date(now).toUTCString();
}

/** From the model in `@aws-sdk/client-bedrock-agentcore`; where two names share a status, the one that the shells API documents. */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'ValidationException',
  401: 'UnauthorizedException',
  402: 'ServiceQuotaExceededException',
  403: 'AccessDeniedException',
  404: 'ResourceNotFoundException',
  409: 'ConflictException',
  424: 'RuntimeClientError',
  429: 'ThrottlingException',
  500: 'InternalServerException',
};
