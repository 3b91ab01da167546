import { BridgeError } from '../base/errors.ts';
import { printable } from '../base/log.ts';
import type { RuntimeArn } from './arn.ts';
import { partitions } from './partitions.ts';

/** One microVM of a runtime, and the address of the service. */
export interface SessionTarget {
  /** The result of {@link dataPlaneEndpoint}. */
  readonly endpoint: URL;
  readonly arn: RuntimeArn;
  /** The runtime's endpoint: `DEFAULT` or a name that the customer chose. */
  readonly qualifier: string;
  /** Selects the microVM: 33 to 100 characters of `[A-Za-z0-9_-]`, the first one neither `_` nor `-`. */
  readonly sessionId: string;
}

/** One PTY shell in a microVM. */
export interface ShellTarget extends SessionTarget {
  /** Selects the shell: 1 to 128 characters of the same set. */
  readonly shellId: string;
}

/** Which of the service's endpoints in a Region to use. */
export interface EndpointVariant {
  /** The endpoint whose cryptography is validated by FIPS 140. */
  readonly isFips: boolean;
  /** The endpoint that has IPv6 addresses, too. */
  readonly isDualStack: boolean;
}

/**
 * The base URL of the data plane: that of the ARN's partition and Region, by the service's endpoint rules in botocore,
 * or `override`, whose path is kept.
 *
 * @throws BridgeError `usage` if `override` is not a plain http or https URL, or a variant is asked for as well
 */
export function dataPlaneEndpoint(
  arn: RuntimeArn,
  override?: string,
  { isFips, isDualStack }: EndpointVariant = { isFips: false, isDualStack: false },
): URL {
  if (override === undefined) {
    const { dnsSuffix, dualStackDnsSuffix } = partitions[arn.partition];
    const service = isFips ? 'bedrock-agentcore-fips' : 'bedrock-agentcore';
    return new URL(`https://${service}.${arn.region}.${isDualStack ? dualStackDnsSuffix : dnsSuffix}`);
  }
  if (isFips || isDualStack) {
    throw new BridgeError('usage', "an endpoint URL can't be combined with a FIPS or a dual-stack endpoint", {
      remedy:
        'Keep one of them: the first is --endpoint-url or AWS_ENDPOINT_URL, the second AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT or their flags',
    });
  }
  const url = URL.parse(override);
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (!isPlain) {
    throw new BridgeError('usage', `"${withoutSecrets(override)}" can't be used as the endpoint URL.`, {
      remedy:
        'Give an http:// or https:// URL without user, query and fragment, such as http://127.0.0.1:8080.',
    });
  }
  return url;
}

/**
 * The WebSocket URL of a shell: `wss:`, or `ws:` if the endpoint is `http:`. The ARN is one path segment, encoded once.
 */
export function shellUrl(target: ShellTarget): URL {
  const url = operationUrl(target, 'ws/shells');
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  url.search += `&shellId=${encodeURIComponent(target.shellId)}`;
  return url;
}

/** The URL of StopRuntimeSession. */
export function stopUrl(target: SessionTarget): URL {
  return operationUrl(target, 'stopruntimesession');
}

function operationUrl({ endpoint, arn, qualifier }: SessionTarget, operation: string): URL {
  const url = new URL(endpoint);
  const base = url.pathname.replace(/\/+$/, '');
  url.pathname = `${base}/runtimes/${encodeURIComponent(arn.text)}/${operation}`;
  url.search = `?qualifier=${encodeURIComponent(qualifier)}`;
  return url;
}

function withoutSecrets(url: string): string {
  return printable(
    url
      // A password may hold characters that divide a URL, so that it can't be parsed as one.
      .replace(/^([^:/\\]*:)?.*@/s, '$1//…@')
      .replace(/[?#].*/s, '?…')
      .slice(0, 200),
  );
}
