import { writevSync } from 'node:fs';

/** A pipe's end, as `process.stdout` is: non-blocking where it is a pipe or a socket. */
export interface PipeEnd {
  readonly fd: number;
  write(bytes: Uint8Array, callback: (error?: Error | null) => void): boolean;
  on(event: 'error', listener: () => void): unknown;
}

export interface LineWriterEvents {
  /** The pipe takes no more for now: whoever feeds this should pause. */
  onFull(): void;
  /** It took all that waited. */
  onRoom(): void;
  /** Nobody reads any more. */
  onGone(): void;
}

/**
 * Writes lines to a pipe and knows which of them it has taken whole. Node's own streams hold back what the pipe has no
 * room for and don't say how much that is: when the process is killed, it would be lost although it counted as written.
 */
export class LineWriter {
  readonly #pipe: PipeEnd;
  readonly #events: LineWriterEvents;
  #waiting: WaitingLine[] = [];
  /** `full`: the stream is writing the first line, and tells when it is done. */
  #state: 'room' | 'full' | 'gone' = 'room';
  #whenDone: (() => void) | undefined;

  constructor(pipe: PipeEnd, events: LineWriterEvents) {
    this.#pipe = pipe;
    this.#events = events;
    pipe.on('error', () => this.#leave());
  }

  /** @param onWritten Told how many more of the lines the pipe has taken, as soon as it has. */
  write(lines: readonly Uint8Array[], onWritten: (count: number) => void): void {
    this.#waiting.push(...lines.map((line) => ({ line, onWritten })));
    if (this.#state === 'room') this.#pump();
  }

  /** Resolves when all is written, or after `withinMs`. */
  async finish(withinMs: number): Promise<void> {
    if (this.#state !== 'full') return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#whenDone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #pump(): void {
    while (this.#state === 'room' && this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, maxLines);
      const taken = this.#tryWrite(batch.flatMap(({ line }) => [line, newline]));
      const whole = countWhole(batch, taken);
      this.#settle(whole.lines);
      if (whole.lines < batch.length && this.#state === 'room') this.#waitFor(taken - whole.bytes);
    }
  }

  /** Has the stream write what is left of the first line, and tell when there is room again. */
  #waitFor(from: number): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#state = 'full';
    this.#events.onFull();
    const rest = Buffer.concat([
      first.line.subarray(from),
      newline.subarray(Math.max(from - first.line.length, 0)),
    ]);
    this.#pipe.write(rest, (error) => {
      if (error || this.#state !== 'full') return;
      this.#state = 'room';
      this.#settle(1);
      this.#pump();
      if (this.#waiting.length > 0) return;
      this.#events.onRoom();
      this.#whenDone?.();
    });
  }

  /** Takes written lines out, and tells those who wrote them. */
  #settle(count: number): void {
    const settled = this.#waiting.splice(0, count);
    for (let from = 0; from < settled.length;) {
      const { onWritten } = settled[from] ?? noLine;
      const next = settled.findIndex((each, index) => index > from && each.onWritten !== onWritten);
      const to = next < 0 ? settled.length : next;
      onWritten(to - from);
      from = to;
    }
  }

  /** Bytes that the pipe took; 0 when it is full, or gone. */
  #tryWrite(pieces: readonly Uint8Array[]): number {
    try {
      return writevSync(this.#pipe.fd, pieces);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#leave();
      return 0;
    }
  }

  #leave(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#waiting = [];
    this.#events.onGone();
    this.#whenDone?.();
  }
}

interface WaitingLine {
  readonly line: Uint8Array;
  readonly onWritten: (count: number) => void;
}

const noLine: WaitingLine = { line: new Uint8Array(), onWritten: () => undefined };

/** Two pieces a line; Linux takes 1,024 in one call (`IOV_MAX`). */
const maxLines = 512;

const newline = Uint8Array.of(0x0a);

/** How many lines are within the first `bytes`, and how long they are together. */
function countWhole(batch: readonly WaitingLine[], bytes: number): { lines: number; bytes: number } {
  let lines = 0;
  let length = 0;
  for (const { line } of batch) {
    if (length + line.length + 1 > bytes) break;
    length += line.length + 1;
    lines += 1;
  }
  return { lines, bytes: length };
}
