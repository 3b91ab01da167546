import { createHash, timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../behaviour/service-error.ts';
import type { LocalCredentials } from './sigv4-verify.ts';
import { headerValues, queryValue } from './request.ts';
import type { WireRequest } from './request.ts';
import { verifySigV4 } from './sigv4-verify.ts';

export interface Caller {
  /** The ARN that an error names; a bearer has none. */
  readonly principal: string;
  /** The Region that a signature is for; a bearer token is for none. */
  readonly region?: string;
  /** The WebSocket subprotocol that the answer must choose. */
  readonly subprotocol?: string;
}

/** AWS: a browser can't set headers, so it sends its token as a subprotocol in front of this one. */
const bearerProtocol = 'base64UrlBearerAuthorization';

/**
 * Identifies the sender of a request by a bearer token (subprotocol or header) or by a signature (headers or presigned
 * URL). Throws a {@link ServiceError} if that fails.
 *
 * @param now milliseconds since the epoch
 */
export function authenticate(
  request: WireRequest,
  trusted: { readonly credentials: readonly LocalCredentials[]; readonly bearerTokens: readonly string[] },
  now: number,
): Caller {
  const authorization = headerValues(request, 'authorization')[0] ?? '';
  const offered = headerValues(request, 'sec-websocket-protocol').flatMap((value) => value.split(/ *, */));
  const encodedToken = offered.find((protocol) => protocol.startsWith(`${bearerProtocol}.`));
  if (encodedToken !== undefined) {
    const token = Buffer.from(encodedToken.slice(bearerProtocol.length + 1), 'base64url').toString();
    checkToken(token, trusted.bearerTokens);
    if (!offered.includes(bearerProtocol)) {
      throw new ServiceError(400, `Sec-WebSocket-Protocol must also offer '${bearerProtocol}'.`);
    }
    return { principal: 'bearer', subprotocol: bearerProtocol };
  }
  if (/^Bearer /i.test(authorization)) {
    checkToken(authorization.slice('Bearer '.length).trim(), trusted.bearerTokens);
    return { principal: 'bearer' };
  }
  if (authorization.startsWith('AWS4-HMAC-SHA256 ') || queryValue(request, 'X-Amz-Algorithm') !== undefined) {
    const { accessKeyId, region } = verifySigV4(request, trusted.credentials, now);
    return { principal: `arn:aws:iam::123456789012:user/${accessKeyId}`, region };
  }
  throw new ServiceError(403, 'Missing Authentication Token', 'MissingAuthenticationTokenException');
}

function checkToken(token: string, accepted: readonly string[]): void {
  // Digests have one length, and the time to compare them reveals nothing of the token.
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const given = digest(token);
  if (!accepted.some((one) => timingSafeEqual(digest(one), given))) {
    throw new ServiceError(401, 'Invalid Bearer token');
  }
}
