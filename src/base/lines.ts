export interface LineAssemblerOptions {
  /** Offset of the first byte that is pushed. Default 0. */
  readonly offset?: number;
  /** Most bytes of a line, its newline excluded. A longer line is dropped as it comes in. */
  readonly maxBytes: number;
  /**
   * A line without its ending (LF or CRLF), possibly empty. `start` is the offset of its first byte, `end` the one
   * behind its LF. The bytes may be a view on a pushed chunk.
   */
  readonly onLine: (line: Uint8Array, start: number, end: number) => void;
  /** A line was too long; `head` has its first {@link headBytes} bytes. */
  readonly onOversizedLine: (head: Uint8Array, start: number, end: number) => void;
}

/** How many bytes are kept of a line that is dropped. */
export const headBytes = 4096;

/** Makes lines of chunks that are split anywhere. Copies only the bytes of lines that span chunks, and those once. */
export class LineAssembler {
  readonly #options: LineAssemblerOptions;
  #parts: Uint8Array[] = [];
  /** Bytes of the current line so far, dropped ones included. */
  #length = 0;
  #start: number;

  constructor(options: LineAssemblerOptions) {
    this.#options = options;
    this.#start = options.offset ?? 0;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let to = chunk.indexOf(lineFeed); to >= 0; to = chunk.indexOf(lineFeed, from)) {
      this.end(chunk.subarray(from, to));
      from = to + 1;
    }
    if (from < chunk.length) this.#add(from === 0 ? chunk : chunk.subarray(from));
  }

  /** Pushes the last bytes of a line, which hold no newline, and the newline behind them. */
  end(part: Uint8Array): void {
    if (this.#length > 0 || part.length > this.#options.maxBytes) {
      this.#add(part);
      this.#finish();
      return;
    }
    // Most lines arrive whole.
    const start = this.#start;
    const end = start + part.length + 1;
    this.#start = end;
    this.#options.onLine(withoutReturn(part), start, end);
  }

  /** Bytes of the line that has not ended yet. */
  get pendingBytes(): number {
    return this.#length;
  }

  #add(part: Uint8Array): void {
    this.#length += part.length;
    if (!this.#isOversized) this.#parts.push(part);
    else if (this.#parts.length !== 1 || this.#parts[0]?.length !== headBytes) {
      this.#parts = [join([...this.#parts, part], headBytes)];
    }
  }

  #finish(): void {
    const { onLine, onOversizedLine } = this.#options;
    const parts = this.#parts;
    const isOversized = this.#isOversized;
    const start = this.#start;
    const end = start + this.#length + 1;
    const line = join(parts, isOversized ? headBytes : this.#length);
    this.#parts = [];
    this.#length = 0;
    this.#start = end;
    if (isOversized) onOversizedLine(line, start, end);
    else onLine(withoutReturn(line), start, end);
  }

  get #isOversized(): boolean {
    return this.#length > this.#options.maxBytes;
  }
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.length > 0 && line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line;
}

/** The parts joined, at most `limit` bytes of them. */
function join(parts: readonly Uint8Array[], limit: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && only.length <= limit) return only;
  const whole = new Uint8Array(
    Math.min(
      limit,
      parts.reduce((sum, part) => sum + part.length, 0),
    ),
  );
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, whole.length - at);
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
