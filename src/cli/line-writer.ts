import { writevSync } from 'node:fs';

/** The writing end of a pipe, such as `process.stdout`: non-blocking if it is a pipe or a socket. */
export interface PipeEnd {
  readonly fd: number;
  write(bytes: Uint8Array, callback: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: () => void): unknown;
}

export interface LineWriterEvents {
  /** The line that was under way has been written, and there is room again. */
  onRoom(): void;
  /** The reader is gone. */
  onGone(): void;
}

/**
 * Writes lines to a pipe, and knows which of them the pipe has taken. Node's streams keep what the pipe has no room
 * for, and do not say how much that is: if the process ended, it would be lost although it counted as written.
 */
export class LineWriter {
  readonly #pipe: PipeEnd;
  readonly #events: LineWriterEvents;
  readonly #batch = Buffer.allocUnsafeSlow(batchBytes);
  #isGone = false;

  constructor(pipe: PipeEnd, events: LineWriterEvents) {
    this.#pipe = pipe;
    this.#events = events;
    pipe.on('error', () => this.#leave());
  }

  /**
   * Writes lines, given without their newlines. Returns how many of them the pipe has taken whole. If that is not all,
   * the next one is under way, and `write` must not be called until `onRoom`.
   */
  write(lines: readonly Uint8Array[]): number {
    for (let from = 0; from < lines.length;) {
      const to = endOfBatch(lines, from);
      const bytes = this.#tryWrite(this.#joined(lines, from, to));
      if (this.#isGone) return lines.length;
      const whole = wholeLines(lines, from, to, bytes);
      from += whole.count;
      const next = from < to ? lines[from] : undefined;
      if (next !== undefined) {
        this.#finish(next, bytes - whole.bytes);
        return from;
      }
    }
    return lines.length;
  }

  /** Joins small lines into one piece: copying them is much faster than passing each one to the kernel. */
  #joined(lines: readonly Uint8Array[], from: number, to: number): readonly Uint8Array[] {
    const first = lines[from];
    if (first !== undefined && first.length >= batchBytes) return [first, newline];
    let end = 0;
    for (let index = from; index < to; index += 1) {
      const line = lines[index] as Uint8Array;
      this.#batch.set(line, end);
      end += line.length;
      this.#batch[end] = lineFeed;
      end += 1;
    }
    return [this.#batch.subarray(0, end)];
  }

  /** Has the stream write the rest of a line, since it can wait for room. */
  #finish(line: Uint8Array, written: number): void {
    const rest = [line.subarray(written), newline.subarray(Math.max(written - line.length, 0))];
    this.#pipe.write(Buffer.concat(rest), (error) => {
      if (!error && !this.#isGone) this.#events.onRoom();
    });
  }

  /** Bytes that the pipe has taken: 0 if it is full, or gone. */
  #tryWrite(pieces: readonly Uint8Array[]): number {
    try {
      return writevSync(this.#pipe.fd, pieces);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#leave();
      return 0;
    }
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#events.onGone();
  }
}

/** Linux: the default size of a pipe. */
const batchBytes = 64 * 1024;

const lineFeed = 0x0a;
const newline = Uint8Array.of(lineFeed);

/** Index behind the lines from `from` on that fit into a batch with their newlines; at least one line. */
function endOfBatch(lines: readonly Uint8Array[], from: number): number {
  let room = batchBytes;
  let to = from;
  for (; to < lines.length; to += 1) {
    room -= (lines[to] as Uint8Array).length + 1;
    if (room < 0) break;
  }
  return Math.max(to, from + 1);
}

/** How many of the lines from `from` to `to` the first `bytes` hold, newlines included, and their length together. */
function wholeLines(
  lines: readonly Uint8Array[],
  from: number,
  to: number,
  bytes: number,
): { count: number; bytes: number } {
  let length = 0;
  for (let index = from; index < to; index += 1) {
    const behind = length + (lines[index] as Uint8Array).length + 1;
    if (behind > bytes) return { count: index - from, bytes: length };
    length = behind;
  }
  return { count: to - from, bytes: length };
}
