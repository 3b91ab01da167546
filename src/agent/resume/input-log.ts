import type { TakenBack } from '../agent-link.ts';
import {
  type Checkpoint,
  checkpointLine,
  type NoteKind,
  noteLine,
  recordSeparator,
} from '../host/records.ts';
import { maxPayloadBytes, type Piece } from '../host/numbered-lines.ts';

/**
 * The queue towards the agent: lines that wait, and the bytes of this epoch that were sent but not acknowledged.
 * Offsets count bytes from the beginning of the epoch's input. No I/O, no clock.
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
  #urgent: WaitingLine[] = [];
  #waiting: WaitingLine[] = [];
  #waitingBytes = 0;
  #checkpoint: Checkpoint | undefined;
  #arrivedCheckpoint: Checkpoint | undefined;
  readonly #notes = new Map<NoteKind | 'turn', string>();
  #lastTicket = 0;
  #lastBoundTicket = 0;
  readonly #payloadBytes: number;

  /** @param payloadBytes most bytes of payload in a piece */
  constructor(payloadBytes = maxPayloadBytes) {
    this.#payloadBytes = payloadBytes;
  }

  /** Queues a line, given without its newline. Returns its ticket. */
  add(bytes: Uint8Array, isUrgent: boolean): number {
    this.#lastTicket += 1;
    const line = { ticket: this.#lastTicket, bytes, isUrgent };
    (isUrgent ? this.#urgent : this.#waiting).push(line);
    this.#waitingBytes += bytes.length + 1;
    return line.ticket;
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

  /** Removes and returns all lines of which no byte was sent, in the order in which they would have been sent. */
  takeBack(): TakenBack[] {
    const lines = [...this.#urgent.splice(0), ...this.#waiting.splice(0)];
    this.#waitingBytes = 0;
    return lines.map(({ ticket, bytes, isUrgent }) => ({ ticket, line: bytes, urgent: isUrgent }));
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
   * Withdraws a line, unless all of it was sent. A line that was sent in part is cut there, and ended so that the host
   * does not pass it to the agent.
   */
  withdraw(ticket: number): boolean {
    for (const queue of [this.#waiting, this.#urgent]) {
      const index = queue.findIndex((line) => line.ticket === ticket);
      const [line] = index < 0 ? [] : queue.splice(index, 1);
      if (line === undefined) continue;
      this.#waitingBytes -= line.bytes.length + 1;
      return true;
    }
    const last = this.#bound.at(-1);
    if (last?.ticket !== ticket || this.#furthest >= last.start + last.length) return false;
    last.cut(this.#furthest - last.start);
    this.#end = last.start + last.length;
    return true;
  }

  /** Ticket of the last line of which at least a byte was sent, urgent lines apart; 0 if there is none. */
  get lastBoundTicket(): number {
    return this.#lastBoundTicket;
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

  /** Bytes that are held: unacknowledged ones, and lines that wait. */
  get heldBytes(): number {
    return this.#end - this.#acknowledged + this.#waitingBytes;
  }

  /** Whether lines for the agent wait, or were not sent to their end. */
  get hasUnsentAgentLines(): boolean {
    const isUnsent = ({ ticket, start, length }: BoundLine): boolean =>
      ticket > 0 && start + length > this.#furthest;
    return this.waitingLines > 0 || this.#bound.some(isUnsent);
  }

  /** Number of lines of which nothing was sent. */
  get waitingLines(): number {
    return this.#urgent.length + this.#waiting.length;
  }

  /** Whether `take` would return a piece. */
  get hasNext(): boolean {
    return this.hasRecord || this.waitingLines > 0;
  }

  #bindNext(): boolean {
    if (this.#checkpoint !== undefined) {
      const bytes = checkpointLine(this.#checkpoint).subarray(0, -1);
      this.#bind(new BoundLine(this.#end, 0, bytes, this.#checkpoint));
      this.#checkpoint = undefined;
      return true;
    }
    const [note] = this.#notes;
    if (note !== undefined) {
      const [kind, text] = note;
      this.#notes.delete(kind);
      this.#bind(new BoundLine(this.#end, 0, noteLine(kind, text).subarray(0, -1)));
      return true;
    }
    const line = this.#urgent.shift() ?? this.#waiting.shift();
    if (line === undefined) return false;
    this.#waitingBytes -= line.bytes.length + 1;
    if (!line.isUrgent) this.#lastBoundTicket = line.ticket;
    this.#bind(new BoundLine(this.#end, line.ticket, line.bytes));
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

interface WaitingLine {
  readonly ticket: number;
  readonly bytes: Uint8Array;
  readonly isUrgent: boolean;
}

/**
 * A line with its offset in the epoch's input. Refers to the caller's bytes, and keeps the ending apart so that they
 * are not copied.
 */
class BoundLine {
  readonly start: number;
  readonly ticket: number;
  /** What the line says, if it is a checkpoint for the host. */
  readonly checkpoint: Checkpoint | undefined;
  #bytes: Uint8Array;
  #ending = newline;

  constructor(start: number, ticket: number, bytes: Uint8Array, checkpoint?: Checkpoint) {
    this.start = start;
    this.ticket = ticket;
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
