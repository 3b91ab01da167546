import type { Log } from '../base/log.ts';
import type { Faults } from './behaviour/faults.ts';
import type { Limits } from './behaviour/limits.ts';
import type { Readings } from './behaviour/readings.ts';
import type { LocalCredentials } from './http/sigv4-verify.ts';
import type { Isolation } from './microvm/microvm.ts';
import type { SessionInfo } from './sessions/session.ts';

/** Options of a local AgentCore. Each has a default. */
export interface LocalAgentCoreOptions {
  /** TCP port on 127.0.0.1. Default 0: any free one. */
  readonly port?: number;
  /**
   * Directory for the files that `/mnt/workspace` keeps of each session. Default: a new one under the system's
   * temporary directory, removed on close.
   */
  readonly stateDir?: string;
  /** Who may sign requests. Default: one made-up pair. */
  readonly credentials?: readonly LocalCredentials[];
  /** Whether to speak TLS, with a certificate of an authority that is made for it. Default false: plain HTTP. */
  readonly tls?: boolean;
  /** Allowed names in Host besides those of the loopback interface. Default: none. */
  readonly hostNames?: readonly string[];
  /** Accepted OAuth tokens. Default: none. */
  readonly bearerTokens?: readonly string[];
  /** ARNs of the runtimes that exist. Default: every well-formed one. */
  readonly runtimes?: readonly string[];
  /** IAM actions that nobody may perform, such as `bedrock-agentcore:StopRuntimeSession`. Default: none. */
  readonly deniedActions?: readonly string[];
  /** Environment of a microVM's first process, which an image's ENV would set. Default: a PATH. */
  readonly containerEnv?: Readonly<Record<string, string>>;
  /** The command that runs in the PTY. Default: `/bin/bash`, which is interactive there. */
  readonly shellCommand?: readonly [string, ...string[]];
  /**
   * Absolute paths of this machine that must stay visible in a microVM although it has its own `/tmp`, `/mnt` and HOME:
   * for an agent that is installed below one of these. Default: none.
   */
  readonly imagePaths?: readonly string[];
  /** `auto`: namespaces if they are available. Default `auto`. */
  readonly isolation?: 'auto' | Isolation;
  readonly readings?: Partial<Readings>;
  readonly limits?: Partial<Limits>;
  readonly log?: Log;
}

/** The running service. */
export interface LocalAgentCore {
  /** `http://127.0.0.1:PORT`, with TLS `https:`: the value for `--endpoint-url`. */
  readonly url: string;
  /** With TLS: the file of the certificate that clients have to trust, in PEM. */
  readonly caFile: string | undefined;
  /** As given in the options. */
  readonly hostNames: readonly string[];
  readonly port: number;
  readonly isolation: Isolation;
  /** Never empty. */
  readonly credentials: readonly [LocalCredentials, ...LocalCredentials[]];
  readonly faults: Faults;
  /** The sessions that have a microVM now. */
  sessions(): readonly SessionInfo[];
  /** Ends every connection and microVM. Resolves when their processes are gone. */
  close(): Promise<void>;
}
