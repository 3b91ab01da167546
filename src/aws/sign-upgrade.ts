import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentials } from './credentials.ts';
import { shellUrl, type ShellTarget } from './endpoint.ts';

/** A WebSocket upgrade request that the service accepts for five minutes. The headers are secrets. */
export interface SignedUpgrade {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Signs the upgrade request of a shell with SigV4. The canonical path is the path of the URL encoded once more, which
 * is the library's default and what AWS's clients do.
 */
export async function signUpgrade(
  target: ShellTarget,
  credentials: AwsCredentials,
  now: Date,
): Promise<SignedUpgrade> {
  const url = shellUrl(target);
  const signer = new SignatureV4({
    service: 'bedrock-agentcore',
    region: target.arn.region,
    credentials: {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    },
    sha256: Sha256,
    applyChecksum: false,
  });
  const request = new HttpRequest({
    method: 'GET',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: {
      // With the port, where it is not the default one: as HTTP sends it.
      host: url.host,
      'x-amzn-bedrock-agentcore-runtime-session-id': target.sessionId,
    },
  });
  const { headers } = await signer.sign(request, { signingDate: now });
  return { url: url.href, headers };
}
