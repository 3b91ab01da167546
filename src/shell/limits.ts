/** What bounds a shell, in bytes and milliseconds. */
export interface ShellLimits {
  /** A frame to the service, channel byte included. AWS quota: 64 KB; the margin is for clients that count differently. */
  readonly frameBytes: number;
  /** Frames in any second. AWS quota: 250, counted on arrival, where jitter has bunched them. */
  readonly framesPerSecond: number;
  /** Bytes handed to the socket and not yet taken by the kernel, above which no further frame is made. */
  readonly bufferedBytes: number;
  /** DNS, TCP and TLS, up to the moment when the request can be sent. */
  readonly connectMs: number;
  /** The answer to the request. AWS: a microVM may be provisioned under it, allow 330 s. */
  readonly upgradeMs: number;
  /** AWS: clients must ping every 30 s. */
  readonly pingEveryMs: number;
  /** Silence after a ping that means that the connection is dead. */
  readonly pongWithinMs: number;
  /** Age of a connection from which it is left at the next quiet moment. AWS ends it at one hour. */
  readonly handOverAfterMs: number;
  /** Age at which it is left in any case. */
  readonly handOverByMs: number;
  /** How long nothing crosses, either way, in a quiet moment. */
  readonly quietMs: number;
  /** The close handshake, whoever begins it. */
  readonly closeMs: number;
  /** How long an endpoint that never answered is tried. A chat bot waits 30 s for its first answer. */
  readonly firstConnectBudgetMs: number;
  /** How long, in all, a connection is sought until one proves useful. AWS's clients: 15 minutes. */
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
