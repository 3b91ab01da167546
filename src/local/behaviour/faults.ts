import type { Readings } from './readings.ts';

/**
 * How a connection ends: by a TCP reset, by a FIN without a close frame (which is what 1006 means), by a close frame with this
 * code, or by `silence`: the socket stays open, and the client is not told.
 */
export type Cut = 'rst' | 'fin' | 'silence' | number;

/** Which frames of stdin or stdout a fault hits, on whichever connection they are. Frames without a payload are not counted. */
export type FrameChoice =
  /** The next so many, behind `afterFrames` (default 0) that are spared. 0 ends the fault. */
  | { readonly frames: number; readonly afterFrames?: number }
  /** Each with this probability, from 0 to 1, by a random source of this seed. 0 ends the fault. */
  | { readonly probability: number; readonly seed: number };

/** What is lost of stdin or stdout although the connection stands. */
export type FrameLoss =
  /** Frames: whole, or with `cut` a part of each, at a random place. A frame of one byte is lost whole. */
  | (FrameChoice & { readonly cut?: boolean })
  /** A range of bytes, in whichever frames they are; channel bytes are not counted. */
  | { readonly afterBytes: number; readonly bytes: number };

/** Input that the service read from a connection, and hands to the PTY after that connection has ended. */
export interface LateInput {
  /** How many frames are held, from the next one on. */
  readonly frames: number;
  /** How the connection ends behind the last of them. */
  readonly how: Cut;
  /** Frames of the next connection that pass first. Default 0. */
  readonly behindFrames?: number;
  /** Bytes of the next connection that pass first, rounded up to whole frames. Default 0. */
  readonly behindBytes?: number;
  /** One late frame behind each frame of the next connection, rather than all together. Default false. */
  readonly interleaved?: boolean;
  /** The late frames are handed over twice. Default false. */
  readonly doubled?: boolean;
}

/** Which of the attached connections a fault hits. Absent fields match all. */
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
  /** Counted up from 1 with each connection. */
  readonly connection: number;
}

/** What can be made to go wrong. Everything holds from the call on. */
export interface Faults {
  /** Ends attached connections now. Returns how many. */
  cut(how: Cut, filter?: ConnectionFilter): number;
  /**
   * Ends a connection at the moment when so many bytes of stdin (`in`) or stdout (`out`) will have passed, channel bytes not
   * counted, on whichever connection. What is behind that point in the same burst is lost, as in a dead socket. Calls queue up: the
   * second begins to count when the first has happened.
   */
  cutAfter(cut: { readonly direction: 'in' | 'out'; readonly bytes: number; readonly how: Cut }): void;
  /**
   * At every cut by one of the faults above, at most so many bytes of the output that follows are lost, neither sent nor
   * kept for the replay, until the next client attaches; and of the input that was accepted and that the PTY has not taken yet, at most so many of the newest bytes.
   */
  loseInFlight(bytes: { readonly input: number; readonly output: number }): void;
  /** Answers the next upgrades with this. `times` defaults to 1. */
  refuseUpgrades(refusal: UpgradeRefusal): void;
  /** Lets the next upgrades wait, while they claim their shell. `times` defaults to 1. */
  delayUpgrades(milliseconds: number, times?: number): void;
  /** Never answers the next upgrades. `times` defaults to 1. */
  hangUpgrades(times?: number): void;
  /**
   * The network swallows everything: nothing is read from or written to any connection, pings included, and upgrades get
   * no answer. Off: what waited goes on.
   */
  blackhole(on: boolean): void;
  /** Splits output into frames of at most so many bytes, channel byte not counted; 1 splits every character. */
  splitOutput(bytes: number | undefined): void;
  /** Holds output back for so many milliseconds, and sends what has come by then together. 0: at once. */
  mergeOutput(milliseconds: number): void;
  /** The service's clock is ahead by so many milliseconds of the one by which clients sign; negative: behind. */
  skewClock(milliseconds: number): void;
  /** What AWS leaves open is read in another way, by whoever attaches from now on. */
  changeReadings(readings: Partial<Readings>): void;
  /** The service loses input although the connection stands. Replaces what was asked for before. */
  dropInput(loss: FrameLoss): void;
  /** The same of output. What is lost counts as sent: no replay brings it back, except under the reading `recent`. */
  dropOutput(loss: FrameLoss): void;
  /** Frames of one direction are handed over twice, one right behind the other. Replaces what was asked for before in this direction. */
  double(direction: 'in' | 'out', choice: FrameChoice): void;
  /**
   * Frames of one direction are held back for so many milliseconds, and those behind them as long as that takes. Output that is held back
   * when its connection ends is lost; input reaches the PTY all the same, whoever is attached by then. Replaces what was asked for before in this direction.
   */
  delay(direction: 'in' | 'out', choice: FrameChoice & { readonly milliseconds: number }): void;
  /**
   * Holds input of the first connection that sends some, ends that connection, and hands the input over once the next one is attached. A
   * connection that ends before so many frames have come leaves what was held of it. Replaces what was asked for before. 0 frames: ends the fault.
   */
  lateInput(late: LateInput): void;
  /**
   * The next attaches get STATUS InternalError (code 500) in the place of the confirmation, and are closed; the shell is not
   * touched. `times` defaults to 1, `code` to 1011.
   */
  failAttaches(failure?: { readonly times?: number; readonly code?: number }): void;
  /** Sends a frame of any channel to the attached connections: diagnostics, unknown channels, a late STATUS. Returns to how many. */
  noise(channel: number, payload: string | Uint8Array): number;
  /** Reclaims the microVM of this session, or of all. Resolves when its processes are gone. */
  evict(sessionId?: string): Promise<void>;
  /** Kills the processes of the shells of this id, whichever session they are in. Returns whether there was one. */
  killShell(shellId: string): boolean;
  /** Tells of every frame. Returns what ends that. */
  onFrame(observer: (frame: ObservedFrame) => void): () => void;
}

export interface UpgradeRefusal {
  readonly status: number;
  /** `x-amzn-ErrorType`. Default: the one that AWS uses with the status. */
  readonly errorType?: string;
  /** Default: a JSON body with a message. */
  readonly body?: string;
  /** Seconds of a `Retry-After` header. Default: none. */
  readonly retryAfter?: number;
  readonly times?: number;
}
