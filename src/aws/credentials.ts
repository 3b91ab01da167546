import { BridgeError } from '../base/errors.ts';
import { printable } from '../base/log.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * Returns credentials that are valid now, and keeps them until shortly before they expire.
 *
 * Rejects with BridgeError `credentials`.
 */
export type CredentialSource = () => Promise<AwsCredentials>;

export interface CredentialOptions {
  /** Keys that were given directly, such as in the environment. A profile overrides them, as in AWS's own tools. */
  readonly keys?: AwsCredentials | undefined;
  /** A profile of the shared AWS configuration files. */
  readonly profile?: string | undefined;
  /** The Region in which roles are assumed and tokens exchanged. */
  readonly region: string;
  /** How long the chain may take: it can hang on an absent metadata service or on a login. */
  readonly timeoutMs?: number;
}

/**
 * Credentials from the given keys, or else from AWS's default chain. The chain is loaded when it is first used: it is
 * large, and a bridge process starts for each chat thread.
 */
export function createCredentialSource(options: CredentialOptions): CredentialSource {
  const { keys, profile, region, timeoutMs = 10_000 } = options;
  if (keys !== undefined && profile === undefined) return () => Promise.resolve(keys);

  let chain: CredentialSource | undefined;
  const load: CredentialSource = async () => {
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    chain ??= fromNodeProviderChain({
      ...(profile === undefined ? {} : { profile }),
      clientConfig: { region },
      // Otherwise the SDK reads a file only once, and misses keys that a login tool renews.
      ignoreCache: true,
      // Without a logger the SDK prints warnings of its own.
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    return chain();
  };
  return () => within(timeoutMs, load()).catch((cause: unknown) => Promise.reject(failure(cause, profile)));
}

function ignore(): void {
  // The error has all that matters.
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

class TimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`AWS credentials could not be loaded within ${timeoutMs / 1000} s.`);
  }
}

/** The SDK's own text lists each source that it tried; it is kept in `cause`. */
function failure(cause: unknown, profile: string | undefined): BridgeError {
  const ofProfile = profile === undefined ? '' : ` of the profile "${printable(profile)}"`;
  const login = profile === undefined ? 'aws sso login' : `aws sso login --profile ${printable(profile)}`;
  if (cause instanceof Error && /\bSSO\b/.test(cause.message)) {
    return new BridgeError('credentials', `The AWS sign-in${ofProfile} is missing or has expired.`, {
      remedy: `Run: ${login}`,
      cause,
    });
  }
  if (cause instanceof TimeoutError) {
    return new BridgeError('credentials', cause.message, {
      remedy: 'Check the network, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
      retryable: true,
      cause,
    });
  }
  return new BridgeError('credentials', `No AWS credentials${ofProfile} were found.`, {
    remedy:
      profile === undefined
        ? 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile, or let the variables of the role through to this process.'
        : 'Check the name of the profile and what it holds in the AWS config and credentials files.',
    cause,
  });
}
