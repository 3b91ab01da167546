import { stdinFrame } from './frames.ts';

/** What bounds the frames of a {@link Pacer}. */
export interface Pace {
  /** Channel byte included. At least 2. */
  readonly frameBytes: number;
  /** In any window of one second. At least 2. */
  readonly framesPerSecond: number;
}

/** After the service complained of the rate. */
export function slower(pace: Pace): Pace {
  return { ...pace, framesPerSecond: Math.max(25, pace.framesPerSecond / 2) };
}

/** After the service complained of the size. */
export function smaller(pace: Pace): Pace {
  return { ...pace, frameBytes: Math.max(4_096, Math.floor(pace.frameBytes / 2)) };
}

/** What to do next: send a frame, wait, or nothing until more is pushed. */
export type PacerStep =
  | { readonly is: 'frame'; readonly frame: Uint8Array; readonly payloadBytes: number }
  | { readonly is: 'wait'; readonly ms: number }
  | { readonly is: 'empty' };

/**
 * Makes frames out of written bytes: small writes share a frame, large ones are split, and what comes while a frame
 * must wait joins it. A token bucket keeps the rate: a fiftieth of the frames of a second may go at once, the others are
 * spread, since frames that leave at once are those that a hiccup of the network bunches further. And no window of a
 * second has more than `framesPerSecond`. Reads no clock: `now` is in milliseconds.
 */
export class Pacer {
  readonly #payloadBytes: number;
  readonly #bucket: number;
  readonly #tokensPerMs: number;
  #tokens: number;
  #refilledAt: number | undefined;
  /** When the last frames went, as many as may go in a second, in a ring. */
  readonly #sentAt: Float64Array;
  #oldest = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;

  constructor(pace: Pace) {
    this.#payloadBytes = pace.frameBytes - 1;
    this.#bucket = Math.max(1, Math.floor(pace.framesPerSecond / 50));
    this.#tokensPerMs = pace.framesPerSecond / 1_000;
    this.#tokens = this.#bucket;
    this.#sentAt = new Float64Array(Math.floor(pace.framesPerSecond)).fill(Number.NEGATIVE_INFINITY);
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Takes bytes without copying them: they must not change until they went out in a frame. */
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
    // What sums of fractions leave over is no reason to wait.
    return missing > rounding ? Math.ceil(missing / this.#tokensPerMs) : 0;
  }

  /** A frame that went a whole second ago is still in the window. */
  #untilWindow(now: number): number {
    const left = (this.#sentAt[this.#oldest] ?? 0) + 1_000 - now;
    return left < 0 ? 0 : Math.floor(left) + 1;
  }

  /** The head of the queue, up to a frame's worth. */
  #take(): Uint8Array[] {
    let room = this.#payloadBytes;
    let whole = 0;
    while (room >= (this.#queue[whole]?.length ?? Infinity)) {
      room -= this.#queue[whole]?.length ?? 0;
      whole += 1;
    }
    const pieces = this.#queue.splice(0, whole);
    const next = this.#queue[0];
    if (next !== undefined && room > 0) {
      pieces.push(next.subarray(0, room));
      this.#queue[0] = next.subarray(room);
    }
    return pieces;
  }
}

/** Of tokens. */
const rounding = 1e-9;
