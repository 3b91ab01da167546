/**
 * The latest output of a PTY. Positions count all bytes since the PTY was opened; bytes before `start` were
 * overwritten.
 */
export class ReplayRing {
  readonly #bytes: Uint8Array;
  #end = 0;

  /** @param capacity bytes that are kept. AWS: 256 KB. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Position of the oldest byte that is kept. */
  get start(): number {
    return Math.max(0, this.#end - this.#bytes.length);
  }

  /** Position behind the latest byte. */
  get end(): number {
    return this.#end;
  }

  push(bytes: Uint8Array): void {
    const capacity = this.#bytes.length;
    const kept = bytes.subarray(Math.max(0, bytes.length - capacity));
    const at = (this.#end + bytes.length - kept.length) % capacity;
    const head = kept.subarray(0, capacity - at);
    this.#bytes.set(head, at);
    this.#bytes.set(kept.subarray(head.length), 0);
    this.#end += bytes.length;
  }

  /** A copy of the kept bytes from `position` on; a position before `start` counts as `start`. */
  read(position: number): Uint8Array {
    const from = Math.max(position, this.start);
    const copy = new Uint8Array(Math.max(0, this.#end - from));
    const at = from % this.#bytes.length;
    const head = this.#bytes.subarray(at, Math.min(at + copy.length, this.#bytes.length));
    copy.set(head, 0);
    copy.set(this.#bytes.subarray(0, copy.length - head.length), head.length);
    return copy;
  }
}
