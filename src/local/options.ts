import type { Log } from '../base/log.ts';
import type { Faults } from './faults.ts';

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

export interface LocalCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * `namespaces`: a mount and a PID namespace of its own. `directory`: nothing but its own HOME and TMPDIR, and a way to
 * end every process of it.
 */
export type Isolation = 'namespaces' | 'directory';

/** The service as it runs. */
export interface LocalAgentCore {
  /** `http://127.0.0.1:PORT`: what goes into `--endpoint-url`. */
  readonly url: string;
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

export interface SessionInfo {
  readonly runtimeArn: string;
  readonly sessionId: string;
  readonly shells: readonly ShellInfo[];
}

export interface ShellInfo {
  readonly shellId: string;
  /** Process id of the shell, as this machine counts. */
  readonly pid: number;
  readonly attached: boolean;
}

/** Where AWS's documentation leaves open what the service does: one choice each. */
export interface Readings {
  /** What a reattach replays: output that came while detached, or the latest output, delivered or not. Default `undelivered`. */
  readonly replay: 'undelivered' | 'recent';
  /**
   * When the STATUS confirmation comes. `twice`: first, and again behind the replay. `without-reconnected`: first, and it says
   * nothing of whether the shell is new. Default `first`.
   */
  readonly confirmation: 'first' | 'after-output' | 'late' | 'twice' | 'never' | 'without-reconnected';
  /** Milliseconds from the upgrade to a `late` confirmation. Default 1,000. */
  readonly confirmationDelayMs: number;
  /**
   * How the clients of a microVM that ends are told: by a close frame with 1001, or by a frame of channel 0xFF and a close frame
   * with 1000 or 1001. Default 1001.
   */
  readonly eviction: 1001 | '0xff-1000' | '0xff-1001';
  /** Which confirmation says `bytesDropped`: the first, or a second one behind the replay. Default `first`. */
  readonly bytesDroppedIn: 'first' | 'second';
  /** The HTTP status that refuses one shell too many. Default 429. */
  readonly shellLimitError: 402 | 424 | 429;
  /** Whether detached shells count towards the shell limit. Default true. */
  readonly detachedShellsCount: boolean;
  /** Whether the channel byte counts towards the frame limit. Default true. */
  readonly channelByteCounts: boolean;
}

export const defaultReadings: Readings = {
  replay: 'undelivered',
  confirmation: 'first',
  confirmationDelayMs: 1000,
  eviction: 1001,
  bytesDroppedIn: 'first',
  shellLimitError: 429,
  detachedShellsCount: true,
  channelByteCounts: true,
};

export interface Limits {
  /** Bytes of one frame from the client; more closes with 1009. AWS quota: 64 KB. */
  readonly frameBytes: number;
  /** Frames from the client in any second; more closes with 1008. AWS quota: 250. */
  readonly framesPerSecond: number;
  /** Milliseconds that a connection lasts, then 1008. AWS quota: 1 hour. */
  readonly connectionMs: number;
  /** Shells in one session. AWS quota: 10. */
  readonly shells: number;
  /** Bytes of output kept for a reattach. AWS: 256 KB. */
  readonly replayBytes: number;
  /** Milliseconds without an attached shell after which a microVM is reclaimed. AWS default: 900 s. */
  readonly idleMs: number;
  /** Milliseconds after which a microVM is reclaimed, whatever goes on in it. AWS default: 28,800 s. */
  readonly lifetimeMs: number;
  /** Bytes that may wait for a client that reads slowly; more closes with 1008. AWS names no number. */
  readonly writeBufferBytes: number;
  /** Bytes of input that may wait for a PTY; more is not read from the connection until it takes some. AWS names no number. */
  readonly inputBufferBytes: number;
  /** Sessions begun in any second, all together; more is refused with 429. AWS quota: 25. */
  readonly newSessionsPerSecond: number;
  /** Milliseconds that a microVM takes to start, on top of what it really takes. AWS: 2 to 15 s were seen; default 0. */
  readonly provisionMs: number;
  /** Milliseconds from SIGHUP to SIGKILL for a shell that the client ends. AWS names no number. */
  readonly hangupMs: number;
}

export const defaultLimits: Limits = {
  frameBytes: 64 * 1024,
  framesPerSecond: 250,
  connectionMs: 3_600_000,
  shells: 10,
  replayBytes: 256 * 1024,
  idleMs: 900_000,
  lifetimeMs: 28_800_000,
  writeBufferBytes: 8 * 1024 * 1024,
  inputBufferBytes: 16 * 1024 * 1024,
  newSessionsPerSecond: 25,
  provisionMs: 0,
  hangupMs: 1000,
};
