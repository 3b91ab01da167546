import type { Readings } from './options.ts';

/**
 * How a connection ends: by a TCP reset, by a FIN without a close frame (which is what 1006 means), by a close frame with this
 * code, or by `silence`: the socket stays open, and the client is not told.
 */
export type Cut = 'rst' | 'fin' | 'silence' | number;

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
  /** The service loses `bytes` of input under load, after it took `afterBytes`. */
  dropInput(drop: { readonly afterBytes: number; readonly bytes: number }): void;
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
