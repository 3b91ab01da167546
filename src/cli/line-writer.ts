import { writevSync } from 'node:fs';

/** A pipe's end, as `process.stdout` is: non-blocking where it is a pipe or a socket. */
export interface PipeEnd {
  readonly fd: number;
  write(bytes: Uint8Array, callback: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: () => void): unknown;
}

export interface LineWriterEvents {
  /** The line that was under way is whole, and there is room again. */
  onRoom(): void;
  /** Nobody reads any more. */
  onGone(): void;
}

/**
 * Writes lines to a pipe and knows which of them it has taken. Node's own streams keep what the pipe has no room for, and
 * don't say how much of it that is: with the process it would be lost, although it counted as written.
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
   * Writes lines, given without their newlines. Returns how many of them the pipe took whole. If these are not all, the
   * next one is under way, and nothing may be written until `onRoom`.
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

  /** Small lines are copied: that is much faster than to tell the kernel of each. */
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

  /** Has the stream write the rest of a line: it knows how to wait for room. */
  #finish(line: Uint8Array, written: number): void {
    const rest = [line.subarray(written), newline.subarray(Math.max(written - line.length, 0))];
    this.#pipe.write(Buffer.concat(rest), (error) => {
      if (!error && !this.#isGone) this.#events.onRoom();
    });
  }

  /** Bytes that the pipe took: 0 when it is full, or gone. */
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

/** What a pipe of Linux holds, if nobody has changed that. */
const batchBytes = 64 * 1024;

const lineFeed = 0x0a;
const newline = Uint8Array.of(lineFeed);

/** Of the lines from `from` on, as many as make a batch with their newlines; at least one. */
function endOfBatch(lines: readonly Uint8Array[], from: number): number {
  let room = batchBytes;
  let to = from;
  for (; to < lines.length; to += 1) {
    room -= (lines[to] as Uint8Array).length + 1;
    if (room < 0) break;
  }
  return Math.max(to, from + 1);
}

/** How many of the lines from `from` to `to`, newlines included, are within the first `bytes`, and how long they are together. */
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
