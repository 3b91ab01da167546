import type { Shell } from '../../shell/shell.ts';
import type { Begun } from '../host/handshake.ts';
import { encodePiece, type Engine, maxPieceBytes, type Piece } from '../host/numbered-lines.ts';
import { questionLine, type SizeReport } from '../host/records.ts';
import type { InputLog } from './input-log.ts';

export interface InputPumpOptions {
  readonly shell: Pick<Shell, 'write' | 'unsentBytes' | 'sent'>;
  readonly log: InputLog;
  /** Whether only what is for the host may go: what is for the agent waits for the next one. */
  readonly isForHostAlone: () => boolean;
  /** All that may go went. */
  readonly onSent: () => void;
  /** So much is unacknowledged that nothing goes before the host has answered. */
  readonly onFull: () => void;
  /** The host said something that was not known of what has arrived. */
  readonly onAnswer: (report: SizeReport) => void;
}

/**
 * Moves what the input log holds to the host that is attached, at the connection's pace, and again from where the host says
 * that something is missing.
 */
export class InputPump {
  readonly #options: InputPumpOptions;
  #attach: { readonly nonce: string; readonly key: number; readonly engine: Engine } | undefined;
  #isWaiting = false;
  #questions = 0;
  /** By question: what was sent before it, and how often the pump had gone back by then. */
  readonly #open = new Map<string, { readonly sent: number; readonly returns: number }>();
  #returns = 0;
  /** Bytes of input that were sent before the last question. */
  #askedAt = 0;
  /** What is sent anew may get lost as well, and the host tells of each gap once. */
  #isReturned = false;

  constructor(options: InputPumpOptions) {
    this.#options = options;
  }

  /** A host is attached, and has what the log says that it has: what else was sent goes again. */
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
    const { log, shell } = this.#options;
    const attach = this.#attach;
    if (attach === undefined || this.#isWaiting) return;
    while (this.#mayTake) {
      if (log.unacknowledgedBytes >= limits.unacknowledgedBytes) {
        this.#options.onFull();
        return;
      }
      if (shell.unsentBytes >= limits.windowBytes) {
        this.#isWaiting = true;
        void shell.sent(limits.windowBytes / 2).then(() => {
          this.#isWaiting = false;
          this.pump();
        });
        return;
      }
      this.#write(attach);
      if (log.sentBytes - this.#askedAt >= limits.questionBytes) this.ask();
    }
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

  /** Whether the host was asked about all that was sent, and has not answered. */
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
      // Those before it are answered by this as well, or never.
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

  /** About a frame's worth. Whole pieces, so that the loss of a frame damages none. */
  #write(attach: { readonly key: number; readonly engine: Engine }): void {
    const pieces: Piece[] = [];
    let room = 0;
    while (this.#mayTake && room + maxPieceBytes <= limits.frameBytes) {
      const piece = this.#options.log.take();
      if (piece === undefined) break;
      pieces.push(piece);
      room += piece.payload.length + pieceOverhead;
    }
    const frame = Buffer.allocUnsafe(room);
    let end = 0;
    for (const piece of pieces) end = encodePiece(frame, end, piece, attach);
    this.#options.shell.write(frame.subarray(0, end));
  }
}

const pieceOverhead = 40;

const limits = {
  /** Some bytes less than the largest frame that is safe under each reading: 60 KB. */
  frameBytes: 60 * 1024 - 16,
  /** Ahead of the connection's pace by no more than this, so that a cancel waits for 25 ms at the most. */
  windowBytes: 256 * 1024,
  /** After so much the host is asked what has arrived, so that it need not be kept here. */
  questionBytes: 1024 * 1024,
  /** What is kept here to be sent again. */
  unacknowledgedBytes: 16 * 1024 * 1024,
} as const;
