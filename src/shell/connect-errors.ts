import { BridgeError } from '../base/errors.ts';
import { printable } from '../base/log.ts';

/**
 * The error for an attempt that got no answer from `endpoint`. `retryable` is false if a retry would fail alike: the
 * certificate can't be trusted, or the server does not speak TLS.
 */
export function connectError(cause: unknown, endpoint: URL): BridgeError {
  const { origin } = endpoint;
  const code = errorCode(cause);
  if (/CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA/.test(code)) {
    return new BridgeError('unreachable', `The certificate of ${origin} can't be trusted (${code}).`, {
      remedy: 'Behind a proxy that inspects TLS, name its certificate in NODE_EXTRA_CA_CERTS.',
      cause,
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return new BridgeError(
      'unreachable',
      `The endpoint ${origin} does not speak TLS as expected (${code}).`,
      {
        remedy: 'Check the endpoint URL: a local endpoint is http://, not https://.',
        cause,
      },
    );
  }
  return new BridgeError(
    'unreachable',
    `The endpoint ${origin} can't be reached: ${reasons[code] ?? firstLine(cause)}.`,
    {
      remedy: 'Check the network, the Region and the endpoint URL.',
      retryable: true,
      cause,
    },
  );
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no network',
  ENOTFOUND: 'its name is unknown',
  EAI_AGAIN: 'its name could not be looked up',
  ETIMEDOUT: 'it does not answer',
};

function errorCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return printable(message.replace(/\n.*/s, '').slice(0, 200));
}
