import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../behaviour/service-error.ts';

/** An HTTP request as it was sent: whatever a signature covers is not decoded. */
export interface WireRequest {
  readonly method: string;
  /** The path of the request line, percent-encoded as sent, without the query. */
  readonly path: string;
  /** Decoded names and values, in the order in which they were sent. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Names in lower case, in the order in which they were sent; a header that was sent twice is here twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** Reads a request. Throws a {@link ServiceError} if the target is malformed. */
export function wireRequest(message: IncomingMessage, body: Uint8Array): WireRequest {
  const target = message.url ?? '/';
  const mark = target.indexOf('?');
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    headers.push([message.rawHeaders[i]!.toLowerCase(), message.rawHeaders[i + 1]!]);
  }
  return {
    method: message.method ?? 'GET',
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? [] : parseQuery(target.slice(mark + 1)),
    headers,
    body,
  };
}

/** Every value of a header, in order; none if it is absent. */
export function headerValues(request: WireRequest, name: string): readonly string[] {
  return request.headers.filter(([header]) => header === name).map(([, value]) => value);
}

/** The first value of a query parameter. */
export function queryValue(request: WireRequest, name: string): string | undefined {
  return request.query.find(([key]) => key === name)?.[1];
}

/** An id of a request: a header, or the query parameter with the same name (presigned URLs, browsers). */
export function headerOrQuery(request: WireRequest, name: string): string | undefined {
  const lower = name.toLowerCase();
  return headerValues(request, lower)[0] ?? request.query.find(([key]) => key.toLowerCase() === lower)?.[1];
}

/** Decodes percent-encoding. Throws a {@link ServiceError} if it is malformed. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ServiceError(400, 'The request target holds malformed percent-encoding.');
  }
}

function parseQuery(text: string): [string, string][] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = equals < 0 ? pair : pair.slice(0, equals);
      const value = equals < 0 ? '' : pair.slice(equals + 1);
      return [decodePercent(name), decodePercent(value)];
    });
}
