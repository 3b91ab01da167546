import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../behaviour/service-error.ts';
import { headerValues, queryValue } from './request.ts';
import type { WireRequest } from './request.ts';

export interface LocalCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** AWS: a request is valid for 5 minutes around its date, a presigned shell URL for at most 300 s. */
const clockSkewMs = 300_000;
const longestPresignedSeconds = 300;
const algorithm = 'AWS4-HMAC-SHA256';
const service = 'bedrock-agentcore';

/**
 * Verifies the SigV4 signature of a request, in its headers or in its query. Written from AWS's description of the
 * algorithm. It shares no code with the signer of this package, so that a mistake in one is not hidden by the other.
 * Throws a {@link ServiceError} with AWS's message.
 *
 * @param now milliseconds since the epoch
 */
export function verifySigV4(
  request: WireRequest,
  credentials: readonly LocalCredentials[],
  now: number,
): { readonly accessKeyId: string; readonly region: string } {
  const presigned = queryValue(request, 'X-Amz-Algorithm') !== undefined;
  const claim = presigned ? presignedClaim(request) : headerClaim(request);
  const known = credentials.find(({ accessKeyId }) => accessKeyId === claim.accessKeyId);
  if (known === undefined || (known.sessionToken ?? '') !== claim.sessionToken) {
    throw new ServiceError(
      403,
      'The security token included in the request is invalid.',
      'UnrecognizedClientException',
    );
  }
  checkScope(claim);
  checkTime(claim, now);
  const canonical = hostCandidates(request).map((host) => canonicalRequest(request, claim, host));
  const key = signingKey(known.secretAccessKey, claim);
  const given = Buffer.from(claim.signature);
  const matches = canonical.some((text) => {
    const expected = Buffer.from(hmac(key, stringToSign(claim, text)).toString('hex'));
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
  if (!matches) {
    const text = canonical[0] ?? '';
    throw invalidSignature(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
        'and signing method. Consult the service documentation for details.\n\nThe Canonical String for this request ' +
        `should have been\n'${text}'\n\nThe String-to-Sign should have been\n'${stringToSign(claim, text)}'\n`,
    );
  }
  return { accessKeyId: claim.accessKeyId, region: claim.region };
}

/** What a request says of its own signature. */
interface Claim {
  readonly accessKeyId: string;
  /** `YYYYMMDD` */
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ` */
  readonly date: string;
  readonly sessionToken: string;
  readonly payloadHash: string;
  /** Seconds; undefined for a signature in headers. */
  readonly expires: number | undefined;
}

function headerClaim(request: WireRequest): Claim {
  const authorization = headerValues(request, 'authorization')[0] ?? '';
  const fields = new Map(
    authorization
      .slice(algorithm.length)
      .split(',')
      .map((field): [string, string] => {
        const [name = '', ...value] = field.trim().split('=');
        return [name, value.join('=')];
      }),
  );
  for (const name of ['Credential', 'SignedHeaders', 'Signature']) {
    if (!fields.get(name)) {
      throw incompleteSignature(`Authorization header requires '${name}' parameter.`);
    }
  }
  const bodyHash = sha256(request.body);
  const payloadHash = headerValues(request, 'x-amz-content-sha256')[0] ?? bodyHash;
  if (payloadHash !== bodyHash && payloadHash !== 'UNSIGNED-PAYLOAD') {
    throw invalidSignature("The 'x-amz-content-sha256' header does not match what was computed.");
  }
  return {
    ...credentialScope(fields.get('Credential') ?? ''),
    signedHeaders: (fields.get('SignedHeaders') ?? '').split(';'),
    signature: fields.get('Signature') ?? '',
    date: required(
      headerValues(request, 'x-amz-date')[0],
      "Authorization header requires existence of 'X-Amz-Date'.",
    ),
    sessionToken: headerValues(request, 'x-amz-security-token')[0] ?? '',
    payloadHash,
    expires: undefined,
  };
}

function presignedClaim(request: WireRequest): Claim {
  const value = (name: string): string =>
    required(queryValue(request, name), `AWS query-string parameters must include '${name}'.`);
  if (value('X-Amz-Algorithm') !== algorithm) {
    throw incompleteSignature(`Unsupported AWS 'algorithm': '${value('X-Amz-Algorithm')}'.`);
  }
  const expires = Number(value('X-Amz-Expires'));
  if (!Number.isInteger(expires) || expires < 1 || expires > longestPresignedSeconds) {
    throw invalidSignature(`X-Amz-Expires must be between 1 and ${longestPresignedSeconds} seconds.`);
  }
  return {
    ...credentialScope(value('X-Amz-Credential')),
    signedHeaders: value('X-Amz-SignedHeaders').split(';'),
    signature: value('X-Amz-Signature'),
    date: value('X-Amz-Date'),
    sessionToken: queryValue(request, 'X-Amz-Security-Token') ?? '',
    payloadHash: sha256(request.body),
    expires,
  };
}

function credentialScope(
  credential: string,
): Pick<Claim, 'accessKeyId' | 'day' | 'region' | 'service' | 'terminator'> {
  const [accessKeyId = '', day = '', region = '', service = '', terminator = ''] = credential.split('/');
  return { accessKeyId, day, region, service, terminator };
}

function checkScope(claim: Claim): void {
  if (claim.service !== service) {
    throw invalidSignature(`Credential should be scoped to correct service: '${service}'.`);
  }
  if (claim.terminator !== 'aws4_request') {
    throw invalidSignature("Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  if (!claim.date.startsWith(claim.day) || claim.day.length !== 8) {
    throw invalidSignature(`Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.`);
  }
  if (!claim.signedHeaders.includes('host')) {
    throw invalidSignature("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  }
}

function checkTime(claim: Claim, now: number): void {
  const signedAt = Date.parse(
    claim.date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (Number.isNaN(signedAt)) throw incompleteSignature(`Date must be in ISO-8601 'basic format'.`);
  if (signedAt > now + clockSkewMs) {
    throw invalidSignature(
      `Signature not yet current: ${claim.date} is still later than ${basicDate(now + clockSkewMs)} (${basicDate(now)} + 5 min.)`,
    );
  }
  const goodForMs = claim.expires === undefined ? clockSkewMs : claim.expires * 1000;
  if (signedAt + goodForMs < now) {
    throw invalidSignature(
      `Signature expired: ${claim.date} is now earlier than ${basicDate(now - goodForMs)}`,
    );
  }
}

/**
 * The values of Host that the client may have signed. The Python SDK sends Host twice, and the TypeScript SDK signs it
 * without its port.
 */
function hostCandidates(request: WireRequest): readonly string[] {
  const sent = headerValues(request, 'host');
  return [...new Set(sent.flatMap((host) => [host, host.replace(/:\d+$/, '')]))];
}

function canonicalRequest(request: WireRequest, claim: Claim, host: string): string {
  const query = request.query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const headers = claim.signedHeaders.map((name) => {
    const value = name === 'host' ? host : headerValues(request, name).map(trimAll).join(',');
    return `${name}:${value}\n`;
  });
  return [
    request.method,
    // The path as sent is encoded once already; the canonical path is that, encoded again.
    request.path.split('/').map(encode).join('/'),
    query,
    headers.join(''),
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n');
}

function stringToSign(claim: Claim, canonical: string): string {
  const scope = [claim.day, claim.region, claim.service, claim.terminator].join('/');
  return [algorithm, claim.date, scope, sha256(canonical)].join('\n');
}

function signingKey(secret: string, claim: Claim): Buffer {
  return [claim.day, claim.region, claim.service, claim.terminator].reduce(
    (key: Buffer, part) => hmac(key, part),
    Buffer.from(`AWS4${secret}`),
  );
}

/** RFC 3986: all characters but the unreserved ones are encoded. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function compare(a: string, b: string): number {
  return Number(a > b) - Number(a < b);
}

function trimAll(value: string): string {
  return value.trim().replace(/ +/g, ' ');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function basicDate(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
}

function required(value: string | undefined, message: string): string {
  if (!value) throw incompleteSignature(message);
  return value;
}

function incompleteSignature(message: string): ServiceError {
  return new ServiceError(403, message, 'IncompleteSignatureException');
}

function invalidSignature(message: string): ServiceError {
  return new ServiceError(403, message, 'InvalidSignatureException');
}
