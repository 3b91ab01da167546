/** The service's quotas and times. */
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
