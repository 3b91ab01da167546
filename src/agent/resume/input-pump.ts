import type { Shell } from '../../shell/shell.ts';
import type { Begun } from '../host/handshake.ts';
import {
  encodePiece,
  type Engine,
  maxPayloadBytes,
  maxPieceBytes,
  type Piece,
} from '../host/numbered-lines.ts';
import { questionLine, type SizeReport } from '../host/records.ts';
import type { InputLog } from './input-log.ts';

export interface InputPumpOptions {
  readonly shell: Pick<Shell, 'write' | 'unsentBytes' | 'sent'>;
  readonly log: InputLog;
  /** Whether only lines for the host may be sent, while lines for the agent wait for the next agent. */
  readonly isForHostAlone: () => boolean;
  /** Input was sent. A question is none. */
  readonly onInput: () => void;
  /** All lines that may be sent were sent, perhaps none. */
  readonly onSent: () => void;
  /** Too many bytes are unacknowledged: nothing is sent until the host has answered. */
  readonly onFull: () => void;
  /** The host reported a new size of its input. */
  readonly onAnswer: (report: SizeReport) => void;
}

/**
 * Sends what the input log holds to the attached host, at the connection's pace. Goes back and sends again from where
 * the host says that input is missing.
 */
export class InputPump {
  readonly #options: InputPumpOptions;
  #attach: Attach | undefined;
  #isWaiting = false;
  /** A line is being sent. Its source may call the link while the line is pulled, and the link calls `pump`. */
  #isSending = false;
  #questions = 0;
  /** By question: what had been sent before it, and how often the pump had gone back by then. */
  readonly #open = new Map<string, { readonly sent: number; readonly returns: number }>();
  #returns = 0;
  /** How many bytes of input had been sent before the last question. */
  #askedAt = 0;
  /** Whether lines are being sent again. They may get lost as well, and the host reports each gap only once. */
  #isReturned = false;

  constructor(options: InputPumpOptions) {
    this.#options = options;
  }

  /** A host is attached. Sends again what the host does not have by the log. */
  attached({ nonce, key, record }: Begun): void {
    this.#attach = { nonce, key, engine: record.engine };
    this.#open.clear();
    this.#askedAt = record.inSize;
    this.#isReturned = false;
    this.#options.log.goBack();
  }

  detached(): void {
    this.#attach = undefined;
    this.#open.clear();
  }

  pump(): void {
    const attach = this.#attach;
    if (attach === undefined || this.#isWaiting || this.#isSending) return;
    this.#isSending = true;
    const isSent = this.#send(attach);
    this.#isSending = false;
    if (!isSent) return;
    if (this.#isReturned) {
      this.#isReturned = false;
      this.ask();
    }
    this.#options.onSent();
  }

  /** Asks the host for the sizes, behind what was sent. */
  ask(): void {
    if (this.#attach === undefined) return;
    const { log, shell } = this.#options;
    this.#questions += 1;
    const question = `${this.#attach.nonce}.${this.#questions}`;
    this.#open.set(question, { sent: log.sentBytes, returns: this.#returns });
    this.#askedAt = log.sentBytes;
    shell.write(questionLine(question));
  }

  /** Whether the host was asked about everything that was sent, and has not answered. */
  get isAsking(): boolean {
    return this.#open.size > 0 && this.#askedAt >= this.#options.log.sentBytes;
  }

  onReport(report: SizeReport): void {
    const { log } = this.#options;
    if (report.is === 'missing') {
      if (report.about === this.#attach?.nonce && log.acknowledge(report.inSize)) this.#goBack();
    } else {
      const question = this.#open.get(report.about);
      if (question === undefined) return;
      // Earlier questions are answered by this answer as well, or never.
      for (const each of this.#open.keys()) {
        this.#open.delete(each);
        if (each === report.about) break;
      }
      if (!log.acknowledge(report.inSize)) return;
      if (report.inSize < question.sent && question.returns === this.#returns) this.#goBack();
      this.#options.onAnswer(report);
    }
    this.pump();
  }

  /** Sends all lines that may be sent. False if some have to wait for the connection or for the host. */
  #send(attach: Attach): boolean {
    const { log, shell } = this.#options;
    while (this.#mayTake) {
      if (this.#attach !== attach) return false;
      if (log.unacknowledgedBytes >= limits.unacknowledgedBytes) {
        this.#options.onFull();
        return false;
      }
      if (shell.unsentBytes >= limits.windowBytes) {
        this.#isWaiting = true;
        void shell.sent(limits.windowBytes / 2).then(() => {
          this.#isWaiting = false;
          this.pump();
        });
        return false;
      }
      if (!this.#write(attach)) break;
      if (log.sentBytes - this.#askedAt >= limits.questionBytes) this.ask();
    }
    return true;
  }

  #goBack(): void {
    this.#returns += 1;
    this.#isReturned = true;
    this.#options.log.goBack();
    this.#askedAt = Math.min(this.#askedAt, this.#options.log.sentBytes);
  }

  get #mayTake(): boolean {
    const { isForHostAlone, log } = this.#options;
    return isForHostAlone() ? log.hasRecord : log.hasNext;
  }

  /**
   * Sends a frame's worth of whole pieces, so that the loss of a frame damages no other piece. False if there are
   * none.
   */
  #write(attach: Attach): boolean {
    const pieces: Piece[] = [];
    let room = 0;
    while (this.#mayTake) {
      const left = limits.frameBytes - room - pieceOverhead;
      if (left < limits.leastPieceBytes) break;
      const piece = this.#options.log.take(left);
      if (piece === undefined) break;
      pieces.push(piece);
      room += piece.payload.length + pieceOverhead;
    }
    if (pieces.length === 0) return false;
    const frame = Buffer.allocUnsafe(room);
    let end = 0;
    for (const piece of pieces) end = encodePiece(frame, end, piece, attach);
    this.#options.shell.write(frame.subarray(0, end));
    this.#options.onInput();
    return true;
  }
}

interface Attach {
  readonly nonce: string;
  readonly key: number;
  readonly engine: Engine;
}

const pieceOverhead = maxPieceBytes - maxPayloadBytes;

const limits = {
  /** Just below 60 KB, the largest frame that is safe under each reading of AWS's documentation. */
  frameBytes: 60 * 1024 - 16,
  /** What is left of a frame is filled with a piece of a line, unless it is less than this. */
  leastPieceBytes: 256,
  /** How far the pump may be ahead of the connection's pace. At this size a cancel waits for 25 ms at most. */
  windowBytes: 256 * 1024,
  /** How many bytes are sent before the host is asked what has arrived, so that the log can drop that. */
  questionBytes: 1024 * 1024,
  /** How many unacknowledged bytes are kept to be sent again. */
  unacknowledgedBytes: 16 * 1024 * 1024,
} as const;
