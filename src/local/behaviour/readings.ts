/** How the service behaves where AWS's documentation leaves it open. */
export interface Readings {
  /**
   * What a reattach replays: output that came while detached, or the latest output, sent before or not. Default
   * `undelivered`.
   */
  readonly replay: 'undelivered' | 'recent';
  /**
   * When the STATUS confirmation comes. `twice`: first, and again behind the replay. `without-reconnected`: first,
   * without saying whether the shell is new. Default `first`.
   */
  readonly confirmation: 'first' | 'after-output' | 'late' | 'twice' | 'never' | 'without-reconnected';
  /** Milliseconds from the upgrade to a `late` confirmation. Default 1,000. */
  readonly confirmationDelayMs: number;
  /**
   * How clients are told that their microVM has ended: by a close frame with 1001, or by a frame of channel 0xFF and a
   * close frame with 1000 or 1001. Default 1001.
   */
  readonly eviction: 1001 | '0xff-1000' | '0xff-1001';
  /** Which confirmation has `bytesDropped`: the first, or a second one behind the replay. Default `first`. */
  readonly bytesDroppedIn: 'first' | 'second';
  /** The HTTP status that refuses a shell above the limit. Default 429. */
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
