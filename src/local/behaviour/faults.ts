import type { Readings } from './readings.ts';

/**
 * How a connection ends: by a TCP reset, by a FIN without a close frame (which clients see as 1006), by a close frame
 * with this code, or by `silence`: the socket stays open, and the client is not told.
 */
export type Cut = 'rst' | 'fin' | 'silence' | number;

/** Which frames of stdin or stdout a fault affects, on any connection. Frames without a payload are not counted. */
export type FrameChoice =
  /** The next `frames` frames, after `afterFrames` (default 0) that pass unchanged. 0 ends the fault. */
  | { readonly frames: number; readonly afterFrames?: number }
  /** Each frame with this probability, from 0 to 1; `seed` decides the random numbers. 0 ends the fault. */
  | { readonly probability: number; readonly seed: number };

/** What is lost of stdin or stdout although the connection stands. */
export type FrameLoss =
  /** Frames: whole, or with `cut` a part of each, at a random place. A frame of one byte is lost whole. */
  | (FrameChoice & { readonly cut?: boolean })
  /** A range of bytes, in any frames; channel bytes are not counted. */
  | { readonly afterBytes: number; readonly bytes: number };

/** Input that the service has read from a connection, and writes to the PTY after that connection has ended. */
export interface LateInput {
  /** How many frames are held, from the next one on. */
  readonly frames: number;
  /** How the connection ends after the last of them. */
  readonly how: Cut;
  /** How many frames of the next connection pass first. Default 0. */
  readonly behindFrames?: number;
  /** How many bytes of the next connection pass first, rounded up to whole frames. Default 0. */
  readonly behindBytes?: number;
  /** One late frame after each frame of the next connection, rather than all together. Default false. */
  readonly interleaved?: boolean;
  /** Whether the late frames are written twice. Default false. */
  readonly doubled?: boolean;
}

/** Which attached connections a fault affects. Absent fields match all. */
export interface ConnectionFilter {
  readonly sessionId?: string;
  readonly shellId?: string;
}

export interface ObservedFrame {
  /** `in`: from the client. `out`: to the client. */
  readonly direction: 'in' | 'out';
  /** -1 for a text message. */
  readonly channel: number;
  /** Bytes of the whole frame, channel byte included. */
  readonly bytes: number;
  /** Milliseconds of a monotonic clock. */
  readonly at: number;
  /** Number of the connection, counted up from 1. */
  readonly connection: number;
}

/** The faults that can be injected. Each is in force from the call on. */
export interface Faults {
  /** Ends attached connections now. Returns how many. */
  cut(how: Cut, filter?: ConnectionFilter): number;
  /**
   * Ends a connection when `bytes` bytes of stdin (`in`) or stdout (`out`) have passed, channel bytes not counted, on
   * any connection. The bytes behind that point in the same burst are lost, as in a dead socket. Calls are queued: the
   * second one begins to count when the first has happened.
   */
  cutAfter(cut: { readonly direction: 'in' | 'out'; readonly bytes: number; readonly how: Cut }): void;
  /**
   * At every later cut by a fault above, loses up to `output` bytes of the output that follows: they are neither sent
   * nor kept for the replay, until the next client attaches. Also loses up to `input` of the newest input bytes that
   * were accepted and that the PTY has not taken yet.
   */
  loseInFlight(bytes: { readonly input: number; readonly output: number }): void;
  /** Answers the next upgrades with this refusal. `times` defaults to 1. */
  refuseUpgrades(refusal: UpgradeRefusal): void;
  /** Delays the next upgrades after they have claimed their shell. `times` defaults to 1. */
  delayUpgrades(milliseconds: number, times?: number): void;
  /** Never answers the next upgrades. `times` defaults to 1. */
  hangUpgrades(times?: number): void;
  /**
   * On: the network drops everything. Nothing is read from or written to any connection, pings included, and upgrades
   * get no answer. Off: what waited goes on.
   */
  blackhole(on: boolean): void;
  /** Splits output into frames of at most `bytes` bytes, channel byte not counted; 1 splits every character. */
  splitOutput(bytes: number | undefined): void;
  /** Holds output back for this time, and sends everything that has come by then together. 0: at once. */
  mergeOutput(milliseconds: number): void;
  /** Sets the service's clock ahead of the clock by which clients sign; negative: behind. */
  skewClock(milliseconds: number): void;
  /** Changes how the service behaves where AWS's documentation leaves it open, for whoever attaches from now on. */
  changeReadings(readings: Partial<Readings>): void;
  /** The service loses input although the connection stands. Replaces an earlier call. */
  dropInput(loss: FrameLoss): void;
  /**
   * As `dropInput`, for output. What is lost counts as sent: no replay brings it back, except under the reading
   * `recent`.
   */
  dropOutput(loss: FrameLoss): void;
  /** Frames of one direction are delivered twice in a row. Replaces an earlier call for this direction. */
  double(direction: 'in' | 'out', choice: FrameChoice): void;
  /**
   * Frames of one direction are held back for this time, and those behind them for as long. Output that is held back
   * when its connection ends is lost; input still reaches the PTY, whoever is attached by then. Replaces an earlier
   * call for this direction.
   */
  delay(direction: 'in' | 'out', choice: FrameChoice & { readonly milliseconds: number }): void;
  /**
   * Holds input of the first connection that sends some, ends that connection, and writes the input once the next one
   * is attached. If the connection ends before all frames have come, those that were held are written. Replaces an
   * earlier call. 0 frames: ends the fault.
   */
  lateInput(late: LateInput): void;
  /**
   * The next attaches get STATUS InternalError (code 500) instead of the confirmation, and are closed. The shell is not
   * affected. `times` defaults to 1, `code` to 1011.
   */
  failAttaches(failure?: { readonly times?: number; readonly code?: number }): void;
  /**
   * Sends a frame of any channel to the attached connections: diagnostics, unknown channels, a late STATUS. Returns to
   * how many.
   */
  noise(channel: number, payload: string | Uint8Array): number;
  /** Reclaims the microVM of this session, or all of them. Resolves when its processes are gone. */
  evict(sessionId?: string): Promise<void>;
  /** Kills the processes of the shells with this id, in any session. Returns whether there was one. */
  killShell(shellId: string): boolean;
  /** Reports every frame. Returns a function that stops that. */
  onFrame(observer: (frame: ObservedFrame) => void): () => void;
}

export interface UpgradeRefusal {
  readonly status: number;
  /** The header `x-amzn-ErrorType`. Default: the one that AWS uses with the status. */
  readonly errorType?: string;
  /** Default: a JSON body with a message. */
  readonly body?: string;
  /** Seconds of a `Retry-After` header. Default: none. */
  readonly retryAfter?: number;
  readonly times?: number;
}
