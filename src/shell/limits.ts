/** What bounds a shell, in bytes and milliseconds. */
export interface ShellLimits {
  /**
   * Most bytes of a frame to the service, channel byte included. AWS quota: 64 KB; the margin is for services that
   * count differently.
   */
  readonly frameBytes: number;
  /** Most frames in any second. AWS quota: 250, counted on arrival, where frames may come in bunches. */
  readonly framesPerSecond: number;
  /** While at least this many bytes are with the socket and not taken by the kernel, no frame is made. */
  readonly bufferedBytes: number;
  /** Time for DNS, TCP and TLS, until the request can be sent. */
  readonly connectMs: number;
  /** Time for the answer to the request. AWS: it may start a microVM first, allow 330 s. */
  readonly upgradeMs: number;
  /** Time between pings. AWS: clients must ping every 30 s. */
  readonly pingEveryMs: number;
  /** Silence after a ping, after which the connection counts as dead. */
  readonly pongWithinMs: number;
  /** Age at which a connection is replaced as soon as it is quiet. AWS ends it at one hour. */
  readonly handOverAfterMs: number;
  /** Age at which a connection is replaced in any case. */
  readonly handOverByMs: number;
  /** How long no byte must pass, in either direction, for a connection to be quiet. */
  readonly quietMs: number;
  /** Time for the close handshake, whichever side begins it. */
  readonly closeMs: number;
  /** How long an endpoint is tried that has never answered. A chat bot waits 30 s for its first answer. */
  readonly firstConnectBudgetMs: number;
  /** How long connecting is tried, in all, until a connection proves useful. AWS's clients: 15 minutes. */
  readonly reconnectBudgetMs: number;
}

export const defaultLimits: ShellLimits = {
  frameBytes: 60 * 1024,
  framesPerSecond: 200,
  bufferedBytes: 256 * 1024,
  connectMs: 10_000,
  upgradeMs: 330_000,
  pingEveryMs: 30_000,
  pongWithinMs: 15_000,
  handOverAfterMs: 55 * 60_000,
  handOverByMs: 59 * 60_000,
  quietMs: 2_000,
  closeMs: 2_000,
  firstConnectBudgetMs: 20_000,
  reconnectBudgetMs: 15 * 60_000,
};
