import { Sha256 } from '@aws-crypto/sha256-js';
import type { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { RuntimeArn } from './arn.ts';
import type { AwsCredentials } from './credentials.ts';

/**
 * Signs a request to the data plane with SigV4, its body and all of its headers. The canonical path is the path of the
 * URL encoded once more, which is the library's default and what AWS's clients do.
 */
export async function sign(
  request: HttpRequest,
  arn: RuntimeArn,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  now: Date,
): Promise<{ readonly headers: Record<string, string> }> {
  const signer = new SignatureV4({
    service: 'bedrock-agentcore',
    region: arn.region,
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    sha256: Sha256,
    applyChecksum: false,
  });
  return signer.sign(request, { signingDate: now });
}
