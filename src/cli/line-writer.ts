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
      const batch = lines.slice(from, from + maxLines);
      const bytes = this.#tryWrite(batch.flatMap((line) => [line, newline]));
      if (this.#isGone) return lines.length;
      const whole = wholeLines(batch, bytes);
      from += whole.count;
      const next = batch[whole.count];
      if (next !== undefined) {
        this.#finish(next, bytes - whole.bytes);
        return from;
      }
    }
    return lines.length;
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

/** Two pieces a line; Linux takes 1,024 in one call (`IOV_MAX`). */
const maxLines = 512;

const newline = Uint8Array.of(0x0a);

/** How many lines, newlines included, are within the first `bytes`, and how long they are together. */
function wholeLines(lines: readonly Uint8Array[], bytes: number): { count: number; bytes: number } {
  let length = 0;
  for (const [count, line] of lines.entries()) {
    if (length + line.length + 1 > bytes) return { count, bytes: length };
    length += line.length + 1;
  }
  return { count: lines.length, bytes: length };
}
