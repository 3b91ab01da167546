import { DelayLine } from '../behaviour/delay-line.ts';
import type { LateInput } from '../behaviour/faults.ts';

/** The payload of one stdin frame, and what a fault does to it. */
export interface InputFrame {
  readonly bytes: Uint8Array;
  /** Milliseconds for which the frame is held back. */
  readonly delayMs: number;
  /** The frame is held until the next connection attaches. */
  readonly late?: LateInput | undefined;
}

/** Frames of a connection that is gone, which are written between those of the next one. */
interface Late {
  readonly frames: Uint8Array[];
  readonly isInterleaved: boolean;
  framesLeft: number;
  bytesLeft: number;
}

/**
 * Input on its way from the connections of a shell to its PTY. Frames of one connection keep their order. Frames that
 * faults delay or hold are written between the frames of later connections.
 */
export class ShellInput {
  readonly #write: (bytes: Uint8Array) => void;
  /** Of connections that still have frames on their way. */
  #lines: DelayLine<Uint8Array>[] = [];
  #held: { readonly bytes: Uint8Array; readonly late: LateInput }[] = [];
  #late: Late | undefined;

  /** @param write writes bytes to the PTY */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /**
   * Another connection attaches: frames that were held of the one before are now late. Returns the function that takes
   * its frames.
   */
  attach(): (frame: InputFrame) => void {
    const line = new DelayLine<Uint8Array>((bytes) => {
      this.#write(bytes);
      this.#passed(bytes.length);
    });
    this.#lines = [...this.#lines.filter(({ isEmpty }) => !isEmpty), line];
    this.#release();
    return ({ bytes, delayMs, late }) => {
      if (late === undefined) line.push(bytes, delayMs);
      else this.#held.push({ bytes, late });
    };
  }

  /** The PTY is gone: drops frames that are on their way. */
  end(): void {
    for (const line of this.#lines) line.end();
    this.#held = [];
    this.#late = undefined;
  }

  #release(): void {
    const [first] = this.#held;
    if (first === undefined) return;
    const { behindFrames = 0, behindBytes = 0, interleaved = false, doubled = false } = first.late;
    const held = this.#held.map(({ bytes }) => bytes);
    this.#held = [];
    this.#late = {
      frames: [...(this.#late?.frames ?? []), ...held, ...(doubled ? held : [])],
      isInterleaved: interleaved,
      framesLeft: behindFrames,
      bytesLeft: behindBytes,
    };
    if (behindFrames <= 0 && behindBytes <= 0) this.#handOver(this.#late);
  }

  #passed(bytes: number): void {
    const late = this.#late;
    if (late === undefined) return;
    late.framesLeft -= 1;
    late.bytesLeft -= bytes;
    if (late.framesLeft <= 0 && late.bytesLeft <= 0) this.#handOver(late);
  }

  #handOver(late: Late): void {
    const frames = late.frames.splice(0, late.isInterleaved ? 1 : late.frames.length);
    if (late.frames.length === 0) this.#late = undefined;
    for (const bytes of frames) this.#write(bytes);
  }
}
