/** The service's quotas and times. */
export interface Limits {
  /** Most bytes of one frame from the client; a larger one closes with 1009. AWS quota: 64 KB. */
  readonly frameBytes: number;
  /** Most frames from the client in any second; one more closes with 1008. AWS quota: 250. */
  readonly framesPerSecond: number;
  /** Milliseconds that a connection lasts, then 1008. AWS quota: 1 hour. */
  readonly connectionMs: number;
  /** Most shells in one session. AWS quota: 10. */
  readonly shells: number;
  /** Bytes of output that are kept for a reattach. AWS: 256 KB. */
  readonly replayBytes: number;
  /** Milliseconds without an attached shell after which a microVM is reclaimed. AWS default: 900 s. */
  readonly idleMs: number;
  /** Milliseconds after which a microVM is reclaimed, whatever goes on in it. AWS default: 28,800 s. */
  readonly lifetimeMs: number;
  /** Most bytes that may wait for a client that reads slowly; more close with 1008. AWS names no number. */
  readonly writeBufferBytes: number;
  /**
   * Most bytes of input that may wait for a PTY; the connection is not read until the PTY takes some. AWS names no
   * number.
   */
  readonly inputBufferBytes: number;
  /** Most sessions begun in any second, of all clients together; one more is refused with 429. AWS quota: 25. */
  readonly newSessionsPerSecond: number;
  /** Milliseconds that a microVM takes to start, on top of the real time. AWS: 2 to 15 s were seen; default 0. */
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
