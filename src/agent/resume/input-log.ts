import type { AgentInput } from '../agent-link.ts';
import {
  type Checkpoint,
  checkpointLine,
  type NoteKind,
  noteLine,
  recordSeparator,
} from '../host/records.ts';
import { maxPayloadBytes, type Piece } from '../host/numbered-lines.ts';

/**
 * The bytes of this epoch's input that were not sent, or sent but not acknowledged. When all of them were sent, the next line
 * is pulled. Offsets count bytes from the beginning of the epoch's input. No I/O, no clock.
 */
export class InputLog {
  /** Bytes before this offset have arrived. */
  #acknowledged = 0;
  /** Offset of the next byte to send. It goes back when a connection has lost bytes. */
  #next = 0;
  /** No byte from this offset on was ever sent in this epoch. */
  #furthest = 0;
  /** End of the lines that have an offset in this epoch. */
  #end = 0;
  #bound: BoundLine[] = [];
  /** Index in `#bound` of a line at or before the one that holds the next byte. */
  #cursor = 0;
  #checkpoint: Checkpoint | undefined;
  #arrivedCheckpoint: Checkpoint | undefined;
  readonly #notes = new Map<NoteKind | 'turn', string>();
  readonly #source: AgentInput;
  readonly #payloadBytes: number;

  /** @param payloadBytes most bytes of payload in a piece */
  constructor(source: AgentInput, payloadBytes = maxPayloadBytes) {
    this.#source = source;
    this.#payloadBytes = payloadBytes;
  }

  /**
   * Sets the checkpoint for the host. It is sent before all lines that wait, and replaces one that was not sent yet.
   */
  setCheckpoint(checkpoint: Checkpoint): void {
    this.#checkpoint = checkpoint;
  }

  /**
   * Sets a note for later bridges. It is sent before all lines that wait, and replaces one of its kind that was not
   * sent yet.
   */
  setNote(kind: NoteKind | 'turn', text: string): void {
    this.#notes.set(kind, text);
  }

  /** Takes the next piece to send, with at most so many bytes of payload; undefined if there is none. */
  take(mostBytes = maxPayloadBytes): Piece | undefined {
    if (this.#next === this.#end && !this.#bindNext()) return undefined;
    const line = this.#nextLine();
    const offset = this.#next;
    const from = offset - line.start;
    const most = Math.min(mostBytes, this.#payloadBytes);
    const isLast = line.length - 1 - from <= most;
    const to = isLast ? line.length - 1 : from + most;
    this.#next = line.start + (isLast ? line.length : to);
    this.#furthest = Math.max(this.#furthest, this.#next);
    return { offset, payload: line.slice(from, to), kind: isLast ? 'last' : 'more' };
  }

  /**
   * Notes that the host has `size` bytes of this epoch's input. Returns false, and changes nothing, if that is
   * impossible.
   */
  acknowledge(size: number): boolean {
    if (size < this.#acknowledged || size > this.#furthest) return false;
    this.#acknowledged = size;
    this.#next = Math.max(this.#next, size);
    const firstKept = this.#bound.findIndex((line) => line.start + line.length > size);
    const arrived = this.#bound.splice(0, firstKept < 0 ? this.#bound.length : firstKept);
    this.#cursor = Math.max(this.#cursor - arrived.length, 0);
    this.#arrivedCheckpoint =
      arrived.findLast((line) => line.checkpoint !== undefined)?.checkpoint ?? this.#arrivedCheckpoint;
    return true;
  }

  /** Has all unacknowledged bytes sent again. */
  goBack(): void {
    this.#next = this.#acknowledged;
    this.#cursor = 0;
  }

  /**
   * Begins another epoch, whose input has `size` bytes already. Drops the lines of the last epoch and those for its
   * host.
   */
  beginEpoch(size: number): void {
    this.#bound = [];
    this.#cursor = 0;
    this.#acknowledged = size;
    this.#next = size;
    this.#furthest = size;
    this.#end = size;
    this.#checkpoint = undefined;
    this.#arrivedCheckpoint = undefined;
    this.#notes.clear();
  }

  /**
   * Cuts the line that was pulled last at the last byte that was sent, and ends it so that the host does not pass it to the
   * agent. False if all of it was sent, or if it was lost with its epoch.
   */
  cutLast(): boolean {
    const last = this.#bound.at(-1);
    if (last?.isAgents !== true || this.#furthest >= last.start + last.length) return false;
    last.cut(this.#furthest - last.start);
    this.#end = last.start + last.length;
    return true;
  }

  /** Bytes of this epoch's input that are known to have arrived. */
  get acknowledgedBytes(): number {
    return this.#acknowledged;
  }

  /** Offset of the first line of this epoch that is not known to have arrived whole. */
  get arrivedLines(): number {
    return this.#bound[0]?.start ?? this.#end;
  }

  /** The last checkpoint that is known to have arrived in this epoch. */
  get arrivedCheckpoint(): Checkpoint | undefined {
    return this.#arrivedCheckpoint;
  }

  /** Whether there is a line for the host to send, or the rest of a line that was sent in part. */
  get hasRecord(): boolean {
    return this.#next < this.#end || this.#checkpoint !== undefined || this.#notes.size > 0;
  }

  /** Offset behind the last byte that was sent, since the pump last went back. */
  get sentBytes(): number {
    return this.#next;
  }

  /** Bytes that were sent and not acknowledged. */
  get unacknowledgedBytes(): number {
    return this.#next - this.#acknowledged;
  }

  /** Bytes that are held: unacknowledged ones, and the rest of a line that was sent in part. */
  get heldBytes(): number {
    return this.#end - this.#acknowledged;
  }

  /** Whether lines for the agent wait, or were not sent to their end. */
  get hasUnsentAgentLines(): boolean {
    const isUnsent = ({ isAgents, start, length }: BoundLine): boolean =>
      isAgents && start + length > this.#furthest;
    return this.#source.waiting() > 0 || this.#bound.some(isUnsent);
  }

  /** Whether `take` may return a piece. False means that it will not. */
  get hasNext(): boolean {
    return this.hasRecord || this.#source.waiting() > 0;
  }

  #bindNext(): boolean {
    if (this.#checkpoint !== undefined) {
      const bytes = checkpointLine(this.#checkpoint).subarray(0, -1);
      this.#bind(new BoundLine(this.#end, bytes, { isAgents: false, checkpoint: this.#checkpoint }));
      this.#checkpoint = undefined;
      return true;
    }
    const [note] = this.#notes;
    if (note !== undefined) {
      const [kind, text] = note;
      this.#notes.delete(kind);
      this.#bind(new BoundLine(this.#end, noteLine(kind, text).subarray(0, -1), { isAgents: false }));
      return true;
    }
    const line = this.#source.next();
    if (line === undefined) return false;
    this.#bind(new BoundLine(this.#end, line, { isAgents: true }));
    return true;
  }

  #bind(line: BoundLine): void {
    this.#bound.push(line);
    this.#end += line.length;
  }

  /** The line that holds the next byte to send. */
  #nextLine(): BoundLine {
    for (;;) {
      const line = this.#bound[this.#cursor];
      if (line === undefined) throw new RangeError(`no line of input at byte ${this.#next}`);
      if (this.#next < line.start + line.length) return line;
      this.#cursor += 1;
    }
  }
}

/**
 * A line with its offset in the epoch's input. Refers to the caller's bytes, and keeps the ending apart so that they
 * are not copied.
 */
class BoundLine {
  readonly start: number;
  /** Whether the line was pulled, and is for the agent. The others are for the host. */
  readonly isAgents: boolean;
  /** What the line says, if it is a checkpoint for the host. */
  readonly checkpoint: Checkpoint | undefined;
  #bytes: Uint8Array;
  #ending = newline;

  constructor(
    start: number,
    bytes: Uint8Array,
    { isAgents, checkpoint }: { isAgents: boolean; checkpoint?: Checkpoint },
  ) {
    this.start = start;
    this.isAgents = isAgents;
    this.checkpoint = checkpoint;
    this.#bytes = bytes;
  }

  /** Length in bytes, ending included. */
  get length(): number {
    return this.#bytes.length + this.#ending.length;
  }

  /** Keeps the first `size` bytes, and ends the line with a byte that makes the host withhold it from the agent. */
  cut(size: number): void {
    this.#bytes = this.#bytes.subarray(0, size);
    this.#ending = poison;
  }

  slice(from: number, to: number): Uint8Array {
    const { length } = this.#bytes;
    if (to <= length) return this.#bytes.subarray(from, to);
    const bytes = new Uint8Array(to - from);
    bytes.set(this.#bytes.subarray(from));
    bytes.set(this.#ending.subarray(Math.max(from - length, 0), to - length), Math.max(length - from, 0));
    return bytes;
  }
}

const newline = Uint8Array.of(0x0a);
const poison = Uint8Array.of(recordSeparator, 0x0a);
