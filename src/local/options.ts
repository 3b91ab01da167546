import type { Log } from '../base/log.ts';
import type { Faults } from './behaviour/faults.ts';
import type { Limits } from './behaviour/limits.ts';
import type { Readings } from './behaviour/readings.ts';
import type { LocalCredentials } from './http/sigv4-verify.ts';
import type { Isolation } from './microvm/microvm.ts';
import type { SessionInfo } from './sessions/session.ts';

/** What a local AgentCore can be told. Everything has a default. */
export interface LocalAgentCoreOptions {
  /** TCP port on 127.0.0.1. Default 0: any free one. */
  readonly port?: number;
  /**
   * Directory of what `/mnt/workspace` keeps of each session. Default: a fresh one under the system's temporary
   * directory, removed on close.
   */
  readonly stateDir?: string;
  /** Who may sign requests. Default: one made-up pair. */
  readonly credentials?: readonly LocalCredentials[];
  /** Whether TLS is spoken, with a certificate of an authority that is made for it. Default false: plain HTTP. */
  readonly tls?: boolean;
  /** Names that requests may address it by, beside those of the loopback interface. Default: none. */
  readonly hostNames?: readonly string[];
  /** OAuth tokens that are taken. Default: none. */
  readonly bearerTokens?: readonly string[];
  /** ARNs of the runtimes that exist. Default: every well-formed one. */
  readonly runtimes?: readonly string[];
  /** IAM actions that nobody may perform, such as `bedrock-agentcore:StopRuntimeSession`. Default: none. */
  readonly deniedActions?: readonly string[];
  /** Environment of a microVM's first process: what the image's ENV would set. Default: a PATH. */
  readonly containerEnv?: Readonly<Record<string, string>>;
  /** What runs in the PTY. Default: `/bin/bash`, which is interactive there. */
  readonly shellCommand?: readonly [string, ...string[]];
  /**
   * Absolute paths of this machine that must stay visible in a microVM although it has its own `/tmp`, `/mnt` and
   * HOME: where the agent is installed, when that is below one of these. Default: none.
   */
  readonly imagePaths?: readonly string[];
  /** `auto`: namespaces where they can be had. Default `auto`. */
  readonly isolation?: 'auto' | Isolation;
  readonly readings?: Partial<Readings>;
  readonly limits?: Partial<Limits>;
  readonly log?: Log;
}

/** The service as it runs. */
export interface LocalAgentCore {
  /** `http://127.0.0.1:PORT`, with TLS `https:`: what goes into `--endpoint-url`. */
  readonly url: string;
  /** With TLS, the file of the certificate that clients have to trust, in PEM. */
  readonly caFile: string | undefined;
  /** As they were told. */
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
