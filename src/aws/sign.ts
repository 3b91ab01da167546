import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { RuntimeArn } from './arn.ts';
import type { AwsCredentials } from './credentials.ts';

/** A request that is about to be sent. All its headers are signed. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** Includes `host`, as HTTP sends it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Signs a request to the data plane with SigV4, with its body and all its headers. The canonical path is the URL's path
 * encoded once more, which is the library's default and what AWS's clients do.
 */
export async function sign(
  { method, url, headers, body }: UnsignedRequest,
  arn: RuntimeArn,
  { sessionToken, ...keys }: AwsCredentials,
  now: Date,
): Promise<{ readonly headers: Record<string, string> }> {
  const signer = new SignatureV4({
    service: 'bedrock-agentcore',
    region: arn.region,
    credentials: { ...keys, ...(sessionToken === undefined ? {} : { sessionToken }) },
    sha256: Sha256,
    applyChecksum: false,
  });
  const request = new HttpRequest({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { ...headers },
    body,
  });
  return signer.sign(request, { signingDate: now });
}
