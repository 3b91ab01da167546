import type { FrameChoice, FrameLoss } from './faults.ts';
import { seededRandom } from './random.ts';

/** What happens to one frame. */
export interface FramePassage {
  /** Payloads that pass, in this order: none if the frame is lost, two if it is doubled. */
  readonly payloads: readonly Uint8Array[];
  /** Bytes that are lost, of the whole frame or out of it. */
  readonly lostBytes: number;
  /** Milliseconds for which the frame is held back. */
  readonly delayMs: number;
}

/** The faults of single frames in one direction, on any connection. */
export class FrameFaults {
  #lose: (payload: Uint8Array) => Uint8Array = (payload) => payload;
  #doubles: () => boolean = () => false;
  #delayMs: () => number = () => 0;

  /** Sets what is lost. */
  lose(loss: FrameLoss): void {
    this.#lose = 'afterBytes' in loss ? loseBytes(loss.afterBytes, loss.bytes) : loseFrames(loss);
  }

  /** Sets what is doubled. */
  double(choice: FrameChoice): void {
    this.#doubles = chooser(choice);
  }

  /** Sets what is delayed. */
  delay(choice: FrameChoice, milliseconds: number): void {
    const isChosen = chooser(choice);
    this.#delayMs = () => (isChosen() ? milliseconds : 0);
  }

  pass(payload: Uint8Array): FramePassage {
    // A frame without a payload passes: nothing of it can be lost or seen.
    if (payload.length === 0) return { payloads: [payload], lostBytes: 0, delayMs: 0 };
    const left = this.#lose(payload);
    const lostBytes = payload.length - left.length;
    if (left.length === 0) return { payloads: [], lostBytes, delayMs: 0 };
    return { payloads: this.#doubles() ? [left, left] : [left], lostBytes, delayMs: this.#delayMs() };
  }
}

/** Returns a function that says for one frame after the other whether it is chosen. */
function chooser(choice: FrameChoice): () => boolean {
  if ('probability' in choice) {
    const random = seededRandom(choice.seed);
    return () => random() < choice.probability;
  }
  let spared = choice.afterFrames ?? 0;
  let left = choice.frames;
  return () => {
    if (spared > 0) {
      spared -= 1;
      return false;
    }
    left -= 1;
    return left >= 0;
  };
}

function loseFrames(loss: FrameChoice & { readonly cut?: boolean }): (payload: Uint8Array) => Uint8Array {
  const isChosen = chooser(loss);
  const random = seededRandom('seed' in loss ? loss.seed : 0);
  return (payload) => {
    if (!isChosen()) return payload;
    if (loss.cut !== true || payload.length === 1) return payload.subarray(0, 0);
    // At least one byte is lost, and at least one passes.
    const lost = 1 + Math.floor(random() * (payload.length - 1));
    return without(payload, Math.floor(random() * (payload.length - lost + 1)), lost);
  };
}

function loseBytes(afterBytes: number, bytes: number): (payload: Uint8Array) => Uint8Array {
  let spared = afterBytes;
  let left = bytes;
  return (payload) => {
    const before = Math.min(spared, payload.length);
    const lost = Math.min(left, payload.length - before);
    spared -= before;
    left -= lost;
    return lost === 0 ? payload : without(payload, before, lost);
  };
}

function without(payload: Uint8Array, at: number, bytes: number): Uint8Array {
  return Buffer.concat([payload.subarray(0, at), payload.subarray(at + bytes)]);
}
