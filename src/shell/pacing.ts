import { stdinFrame } from './frames.ts';

/** The limits of a {@link Pacer}. */
export interface Pace {
  /** Most bytes of a frame, channel byte included. At least 2. */
  readonly frameBytes: number;
  /** Most frames in any window of one second. At least 2. */
  readonly framesPerSecond: number;
}

/** The pace after the service has complained of the rate. */
export function slower(pace: Pace): Pace {
  return { ...pace, framesPerSecond: Math.max(25, pace.framesPerSecond / 2) };
}

/** The pace after the service has complained of the size. */
export function smaller(pace: Pace): Pace {
  return { ...pace, frameBytes: Math.max(4_096, Math.floor(pace.frameBytes / 2)) };
}

/** What to do next: send a frame, wait, or nothing until more is pushed. */
export type PacerStep =
  | { readonly is: 'frame'; readonly frame: Uint8Array; readonly payloadBytes: number }
  | { readonly is: 'wait'; readonly ms: number }
  | { readonly is: 'empty' };

/**
 * Makes frames of written bytes. Small writes share a frame, a write that is larger than a frame is split, and bytes that
 * come while a frame has to wait join it. A token bucket spreads the frames: a twenty-fifth of those of a second may leave
 * at once, which makes up for a timer that is late, and no more, since the network bunches frames that leave together even
 * more. No window of a second has more than `framesPerSecond`. Reads no clock: `now` is in milliseconds.
 */
export class Pacer {
  readonly #payloadBytes: number;
  readonly #bucket: number;
  readonly #tokensPerMs: number;
  #tokens: number;
  #refilledAt: number | undefined;
  /** When the latest frames were sent: a ring of as many as may be sent in a second. */
  readonly #sentAt: Float64Array;
  #oldest = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;

  constructor(pace: Pace) {
    this.#payloadBytes = pace.frameBytes - 1;
    this.#bucket = Math.max(1, Math.floor(pace.framesPerSecond / 25));
    this.#tokensPerMs = pace.framesPerSecond / 1_000;
    this.#tokens = this.#bucket;
    this.#sentAt = new Float64Array(Math.floor(pace.framesPerSecond)).fill(Number.NEGATIVE_INFINITY);
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Queues bytes without copying them, so they must not change until their frame is sent. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
  }

  next(now: number): PacerStep {
    if (this.#queuedBytes === 0) return { is: 'empty' };
    const waitMs = Math.max(this.#untilToken(now), this.#untilWindow(now));
    if (waitMs > 0) return { is: 'wait', ms: waitMs };
    this.#tokens -= 1;
    this.#sentAt[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.#sentAt.length;
    const pieces = this.#take();
    const payloadBytes = pieces.reduce((bytes, piece) => bytes + piece.length, 0);
    this.#queuedBytes -= payloadBytes;
    return { is: 'frame', frame: stdinFrame(pieces), payloadBytes };
  }

  #untilToken(now: number): number {
    const gained = (now - (this.#refilledAt ?? now)) * this.#tokensPerMs;
    this.#tokens = Math.min(this.#bucket, this.#tokens + gained);
    this.#refilledAt = now;
    const missing = 1 - this.#tokens;
    // Rounding errors of sums of fractions must not cause a wait.
    return missing > rounding ? Math.ceil(missing / this.#tokensPerMs) : 0;
  }

  /** Milliseconds until the window has room. A frame that was sent exactly one second ago still counts. */
  #untilWindow(now: number): number {
    const left = (this.#sentAt[this.#oldest] ?? 0) + 1_000 - now;
    return left < 0 ? 0 : Math.floor(left) + 1;
  }

  /** Takes a frame's worth from the head of the queue: whole writes, or a part of one that no frame can hold. */
  #take(): Uint8Array[] {
    let room = this.#payloadBytes;
    let whole = 0;
    while (room >= (this.#queue[whole]?.length ?? Infinity)) {
      room -= this.#queue[whole]?.length ?? 0;
      whole += 1;
    }
    const pieces = this.#queue.splice(0, whole);
    const next = this.#queue[0];
    if (next !== undefined && whole === 0) {
      pieces.push(next.subarray(0, room));
      this.#queue[0] = next.subarray(room);
    }
    return pieces;
  }
}

/** In tokens. */
const rounding = 1e-9;
