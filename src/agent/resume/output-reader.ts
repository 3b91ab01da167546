import { concat } from '../../base/concat.ts';
import { LineAssembler } from '../../base/lines.ts';
import { decodePiece, maxPieceBytes, outputKey } from '../host/numbered-lines.ts';
import { parseSizeReport, recordSeparator, type SizeReport, unitSeparator } from '../host/records.ts';

/** What an {@link OutputReader} finds. */
export interface OutputEvents {
  /** A line of the agent, without its newline. `start` and `end` are its offsets in the epoch's output. */
  readonly onLine: (line: Uint8Array, start: number, end: number) => void;
  readonly onOversizedLine: (head: Uint8Array, start: number, end: number) => void;
  /** A line that the host wrote into the epoch's output: how the agent ended. */
  readonly onHostLine: (payload: Uint8Array) => void;
  /** A record that the host sends outside of the output, from its RS on. */
  readonly onRecord: (line: Uint8Array) => void;
  readonly onReport: (report: SizeReport) => void;
  /** Bytes from `received` on are missing. Called once, until `attached` is called. */
  readonly onGap: () => void;
}

export interface OutputReaderOptions extends OutputEvents {
  /** Names the epoch whose output this is. */
  readonly epoch: string;
  /** Offset of the first byte of the epoch's output to read. */
  readonly offset: number;
  /** Longer lines of the agent are dropped. */
  readonly maxLineBytes: number;
}

/**
 * Reads the PTY output of an attached host. Passes on the agent's numbered lines, each once and in order, and what the
 * host says between them. Drops lines that were passed on before, damaged ones, and those of another epoch.
 */
export class OutputReader {
  readonly #options: OutputReaderOptions;
  readonly #key: number;
  readonly #lines: LineAssembler;
  #received: number;
  /** Offset at which the unfinished line began. */
  #lineStart: number | undefined;
  #hasGap = false;
  /** The last gap, and how many attaches in a row have found it. */
  #gap = { from: -1, to: -1, times: 0 };
  /** The part of the host's record or report that has come so far; undefined outside of one. */
  #said: Uint8Array | undefined;
  /** The part of a numbered line that has come so far. */
  #line: Uint8Array = empty;

  constructor(options: OutputReaderOptions) {
    this.#options = options;
    this.#key = outputKey(options.epoch);
    this.#received = options.offset;
    // Given the ends of lines explicitly, so a newline within a piece's bytes does not count.
    this.#lines = new LineAssembler({
      maxBytes: options.maxLineBytes,
      onLine: (line) => options.onLine(line, this.#lineStart ?? this.#received, this.#received),
      onOversizedLine: (head) =>
        options.onOversizedLine(head, this.#lineStart ?? this.#received, this.#received),
    });
  }

  /** All bytes of the epoch's output before this offset were received. */
  get received(): number {
    return this.#received;
  }

  /** The bytes that are pushed next come from a new attach and begin at `received`. */
  attached(): void {
    this.#hasGap = false;
    this.#said = undefined;
    this.#line = empty;
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#said !== undefined) {
        rest = this.#pushSaid(this.#said, rest);
        continue;
      }
      const at = rest.indexOf(recordSeparator);
      this.#pushLines(at < 0 ? rest : rest.subarray(0, at));
      if (at < 0) return;
      this.#said = empty;
      rest = rest.subarray(at + 1);
    }
  }

  /** Returns the bytes behind the end of the host's record or report. */
  #pushSaid(before: Uint8Array, bytes: Uint8Array): Uint8Array {
    const end = bytes.findIndex(isEndOfSaid);
    const said = concat(before, end < 0 ? bytes : bytes.subarray(0, end));
    if (end < 0) {
      // No record of the host is that long, so its end was lost.
      this.#said = said.length > maxPieceBytes ? undefined : said;
      return empty;
    }
    this.#said = undefined;
    const last = bytes[end];
    if (last === recordSeparator) return bytes.subarray(end);
    if (last === unitSeparator) {
      const report = parseSizeReport(said);
      if (report !== undefined) this.#options.onReport(report);
    } else {
      this.#options.onRecord(concat(recordMark, said));
    }
    return bytes.subarray(end + 1);
  }

  #pushLines(bytes: Uint8Array): void {
    let from = 0;
    for (let to = bytes.indexOf(lineFeed); to >= 0; to = bytes.indexOf(lineFeed, from)) {
      if (this.#line.length === 0) {
        this.#onNumbered(bytes, from, to);
      } else {
        const line = concat(this.#line, bytes.subarray(from, to));
        this.#line = empty;
        this.#onNumbered(line, 0, line.length);
      }
      from = to + 1;
    }
    const rest = from === 0 ? bytes : bytes.subarray(from);
    // Of a line that is too long to be a piece, just enough is kept to reject it at its end.
    if (rest.length > 0) this.#line = concat(this.#line, rest).subarray(0, maxPieceBytes + 1);
  }

  /** A line of what came stands from `from` to `to`. */
  #onNumbered(bytes: Uint8Array, from: number, to: number): void {
    const end = to > from && bytes[to - 1] === carriageReturn ? to - 1 : to;
    const piece = decodePiece(bytes, this.#key, from, end);
    if (piece === undefined || this.#hasGap || piece.offset < this.#received) return;
    if (piece.offset > this.#received && !this.#skips(piece.offset)) {
      this.#hasGap = true;
      this.#options.onGap();
      return;
    }
    const start = piece.offset;
    // A carriage return is the terminal's, and not in the host's file.
    this.#received = start + (end - from) + 1;
    if (piece.kind === 'host') {
      this.#options.onHostLine(piece.payload);
      return;
    }
    this.#lineStart ??= start;
    if (piece.kind === 'more') {
      this.#lines.push(piece.payload);
    } else {
      this.#lines.end(piece.payload);
      this.#lineStart = undefined;
    }
  }

  /**
   * Whether to pass over a gap. The same gap at eight attaches in a row is in the host's file: the disk was full, or a
   * process died while it wrote.
   */
  #skips(to: number): boolean {
    const from = this.#received;
    const isSame = this.#gap.from === from && this.#gap.to === to;
    this.#gap = { from, to, times: isSame ? this.#gap.times + 1 : 1 };
    return this.#gap.times >= fileGapTimes;
  }
}

const empty = new Uint8Array();
const recordMark = Uint8Array.of(recordSeparator);
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const fileGapTimes = 8;

function isEndOfSaid(byte: number): boolean {
  return byte === unitSeparator || byte === lineFeed || byte === recordSeparator;
}
