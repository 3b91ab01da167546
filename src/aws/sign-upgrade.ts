import type { AwsCredentials } from './credentials.ts';
import { shellUrl, type ShellTarget } from './endpoint.ts';
import { sign } from './sign.ts';

/** A WebSocket upgrade request that the service accepts for five minutes. The headers are secret. */
export interface SignedUpgrade {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Signs the upgrade request of a shell. */
export async function signUpgrade(
  target: ShellTarget,
  credentials: AwsCredentials,
  now: Date,
): Promise<SignedUpgrade> {
  const url = shellUrl(target);
  const request = {
    method: 'GET',
    url,
    headers: {
      // With the port unless it is the default, as HTTP sends it.
      host: url.host,
      'x-amzn-bedrock-agentcore-runtime-session-id': target.sessionId,
    },
  } as const;
  const { headers } = await sign(request, target.arn, credentials, now);
  return { url: url.href, headers };
}
