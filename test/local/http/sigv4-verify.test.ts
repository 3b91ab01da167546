import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LocalCredentials } from '../../../src/local/http/sigv4-verify.ts';
import type { WireRequest } from '../../../src/local/http/request.ts';
import { verifySigV4 } from '../../../src/local/http/sigv4-verify.ts';
import { verifies } from '../../requirements.ts';

const pair = { accessKeyId: 'AKIALOCAL', secretAccessKey: 'secret' };
const now = Date.UTC(2026, 7, 1, 12, 0, 0);
const path = `/runtimes/${encodeURIComponent('arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/a')}/ws/shells`;

interface Signing {
  readonly credentials?: LocalCredentials;
  readonly headers?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly service?: string;
  readonly signedAt?: number;
  readonly body?: string;
}

const signer = ({ credentials = pair, service = 'bedrock-agentcore' }: Signing): SignatureV4 =>
  new SignatureV4({ credentials, region: 'us-east-1', service, sha256: Sha256 });

const unsigned = (signing: Signing): HttpRequest =>
  new HttpRequest({
    method: signing.body === undefined ? 'GET' : 'POST',
    path,
    query: signing.query ?? { qualifier: 'DEFAULT', shellId: 'a' },
    headers: { host: '127.0.0.1:8080', ...signing.headers },
    ...(signing.body === undefined ? {} : { body: signing.body }),
  });

const wire = (request: HttpRequest): WireRequest => ({
  method: request.method,
  path: request.path,
  query: Object.entries(request.query) as [string, string][],
  headers: Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  body: Buffer.from((request.body as string | undefined) ?? ''),
});

async function signed(signing: Signing = {}): Promise<WireRequest> {
  const request = await signer(signing).sign(unsigned(signing), {
    signingDate: new Date(signing.signedAt ?? now),
  });
  return wire(request as HttpRequest);
}

async function presigned(signing: Signing = {}, expiresIn = 300): Promise<WireRequest> {
  const signingDate = new Date(signing.signedAt ?? now);
  return wire((await signer(signing).presign(unsigned(signing), { signingDate, expiresIn })) as HttpRequest);
}

const setHeader = (request: WireRequest, name: string, ...values: string[]): WireRequest => ({
  ...request,
  headers: [
    ...request.headers.filter(([header]) => header !== name),
    ...values.map((value): [string, string] => [name, value]),
  ],
});

const verify = (request: WireRequest, at = now, credentials: LocalCredentials[] = [pair]): unknown =>
  verifySigV4(request, credentials, at);

test(
  verifies('local.sigv4', 'a request that was signed in its headers or in its query is accepted'),
  async () => {
    const expected = { accessKeyId: 'AKIALOCAL', region: 'us-east-1' };
    expect(verify(await signed())).toEqual(expected);
    expect(verify(await presigned())).toEqual(expected);
    expect(verify(await signed({ body: '{"clientToken":"x"}' }))).toEqual(expected);
  },
);

test('any header value and any query parameter is canonicalized as the signer does', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => value !== '__proto__');
  const headerText = fc.string({
    unit: fc.constantFrom(...Array.from(' !"#\'()*+,-./09:;=@AZ[]_az~')),
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(text, text, { noNullPrototype: true }),
      headerText,
      async (query, header) => {
        const headers = { 'x-amzn-bedrock-agentcore-runtime-session-id': header };
        expect(verify(await signed({ query, headers }))).toBeTruthy();
        expect(verify(await presigned({ query, headers }))).toBeTruthy();
      },
    ),
    { numRuns: 50 },
  );
});

test(
  verifies('local.sigv4', 'a Host that was sent twice, or signed without its port, is accepted'),
  async () => {
    const request = await signed({ headers: { host: '127.0.0.1' } });
    expect(verify(setHeader(request, 'host', '127.0.0.1:8080'))).toBeTruthy();
    expect(verify(setHeader(request, 'host', '127.0.0.1:8080', '127.0.0.1'))).toBeTruthy();
    expect(() => verify(setHeader(request, 'host', 'elsewhere:8080'))).toThrow(/does not match/);
  },
);

test(verifies('local.sigv4', 'any change after the signature is detected'), async () => {
  const header = 'x-amzn-bedrock-agentcore-runtime-session-id';
  const request = await signed({ headers: { [header]: 'mine' } });
  const refused = { name: 'ServiceError', status: 403, errorType: 'InvalidSignatureException' };
  for (const changed of [
    setHeader(request, header, 'theirs'),
    { ...request, method: 'POST' },
    { ...request, path: path.replace('runtime%2Fa', 'runtime%2Fb') },
    { ...request, path: decodeURIComponent(path) },
    { ...request, query: [...request.query, ['more', ''] as const] },
    { ...request, query: request.query.slice(1) },
    { ...request, body: Buffer.from('x') },
  ]) {
    expect(() => verify(changed)).toThrow(expect.objectContaining(refused));
  }
  const wrongSecret = await signed({ credentials: { ...pair, secretAccessKey: 'other' } });
  expect(() => verify(wrongSecret)).toThrow(/The Canonical String for this request should have been\n'GET\n/);
});

test('a body other than the hashed one is detected, even if the header was signed', async () => {
  const request = await signed({ body: '{"clientToken":"x"}' });
  expect(() => verify({ ...request, body: Buffer.from('{}') })).toThrow(/x-amz-content-sha256/);
});

test(
  verifies(
    'local.sigv4',
    'a signature is valid for 5 minutes around its date, a presigned one until it expires',
  ),
  async () => {
    const request = await signed();
    expect(verify(request, now + 299_000)).toBeTruthy();
    expect(verify(request, now - 299_000)).toBeTruthy();
    expect(() => verify(request, now + 301_000)).toThrow(/Signature expired: 20260801T120000Z/);
    expect(() => verify(request, now - 301_000)).toThrow(/Signature not yet current/);
    const url = await presigned({}, 60);
    expect(verify(url, now + 59_000)).toBeTruthy();
    expect(() => verify(url, now + 61_000)).toThrow(/Signature expired/);
  },
);

test(verifies('local.sigv4', 'a presigned URL for more than 300 s is refused'), async () => {
  const request = await presigned({}, 301);
  expect(() => verify(request)).toThrow(/between 1 and 300 seconds/);
});

test('temporary credentials require their own token', async () => {
  const temporary = { ...pair, sessionToken: 'token' };
  expect(verify(await signed({ credentials: temporary }), now, [temporary])).toBeTruthy();
  expect(verify(await presigned({ credentials: temporary }), now, [temporary])).toBeTruthy();
  const refused = expect.objectContaining({ errorType: 'UnrecognizedClientException' });
  const without = await signed();
  expect(() => verify(without, now, [temporary])).toThrow(refused);
  const wrong = await signed({ credentials: { ...pair, sessionToken: 'other' } });
  expect(() => verify(wrong, now, [temporary])).toThrow(refused);
});

test('an unknown key, another service and a broken header are refused by name', async () => {
  const unknown = await signed({ credentials: { ...pair, accessKeyId: 'AKIAOTHER' } });
  expect(() => verify(unknown)).toThrow(/security token included in the request is invalid/);
  const elsewhere = await signed({ service: 's3' });
  expect(() => verify(elsewhere)).toThrow(/scoped to correct service: 'bedrock-agentcore'/);
  const request = await signed();
  expect(() => verify(setHeader(request, 'authorization', 'AWS4-HMAC-SHA256 Credential=a'))).toThrow(
    /requires 'SignedHeaders' parameter/,
  );
  expect(() => verify(setHeader(request, 'x-amz-date'))).toThrow(/X-Amz-Date/);
});
