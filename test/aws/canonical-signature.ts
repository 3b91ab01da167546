import { createHash, createHmac } from 'node:crypto';

export interface SentRequest {
  readonly method: string;
  readonly host: string;
  /** As on the wire: path and query. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Default: none. */
  readonly body?: string;
}

export interface SigningKey {
  readonly secretAccessKey: string;
  readonly region: string;
  readonly service: string;
}

/**
 * The SigV4 signature that a service computes over a request as it arrived, written from AWS's specification: the
 * judge of what this project and AWS's own client sign.
 */
export function expectedSignature(request: SentRequest, key: SigningKey): string {
  const [path = '', query = ''] = request.target.split('?');
  const signed = /SignedHeaders=([^,]+)/.exec(request.headers['authorization'] ?? '')?.[1] ?? '';
  const headers: Readonly<Record<string, string>> = { ...request.headers, host: request.host };
  const date = headers['x-amz-date'] ?? '';
  const canonicalRequest = [
    request.method,
    path.split('/').map(encode).join('/'),
    query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) =>
        pair
          .split('=')
          .map((part) => encode(decodeURIComponent(part)))
          .join('='),
      )
      .sort()
      .join('&'),
    ...signed.split(';').map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    signed,
    hash(request.body ?? ''),
  ].join('\n');
  const scope = [date.slice(0, 8), key.region, key.service, 'aws4_request'];
  const signingKey = scope.reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${key.secretAccessKey}`),
  );
  return hmac(
    signingKey,
    ['AWS4-HMAC-SHA256', date, scope.join('/'), hash(canonicalRequest)].join('\n'),
  ).toString('hex');
}

/** The signature that the request carries. */
export function carriedSignature(request: SentRequest): string | undefined {
  return /Signature=([0-9a-f]{64})$/.exec(request.headers['authorization'] ?? '')?.[1];
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
