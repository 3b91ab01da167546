import type { Clock } from './clock.ts';
import { Pacer, type Pace } from './pacing.ts';

/** Sends a frame. Calls `flushed` when the kernel has taken it, or when it is lost with its connection. */
export type SendFrame = (frame: Uint8Array, flushed: () => void) => void;

export interface OutboxOptions {
  readonly pace: Pace;
  /** While at least this many bytes are with the socket, no frame is made: it would only wait there. */
  readonly bufferedBytes: number;
  readonly clock: Clock;
  readonly send: SendFrame;
}

/** Bytes that wait to be sent on one connection. The owner bounds them by waiting for `sent` before it writes more. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #pacer: Pacer;
  #withSocket = 0;
  #pump: 'idle' | 'due' | 'closed' = 'idle';
  #cancelTimer: () => void = () => undefined;
  #waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.pace);
  }

  /** Bytes that were written and that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#pacer.queuedBytes + this.#withSocket;
  }

  /**
   * Queues bytes without copying them, so they must not change until they are sent. Writes of one tick share frames.
   */
  write(bytes: Uint8Array): void {
    if (this.#pump === 'closed') return;
    this.#pacer.push(bytes);
    if (this.#pump === 'due') return;
    this.#pump = 'due';
    queueMicrotask(() => this.#run());
  }

  /** Resolves when `unsentBytes` is at most `bytes`, or the outbox is closed. */
  sent(bytes: number): Promise<void> {
    if (this.#pump === 'closed' || this.unsentBytes <= bytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ bytes, resolve }));
  }

  /** Drops all bytes that wait. */
  close(): void {
    this.#pump = 'closed';
    this.#cancelTimer();
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #run(): void {
    if (this.#pump === 'closed') return;
    this.#pump = 'idle';
    while (this.#withSocket < this.#options.bufferedBytes) {
      const step = this.#pacer.next(this.#options.clock.now());
      if (step.is === 'empty') return;
      if (step.is === 'wait') {
        this.#pump = 'due';
        this.#cancelTimer = this.#options.clock.after(step.ms, () => this.#run());
        return;
      }
      this.#withSocket += step.payloadBytes;
      this.#options.send(step.frame, () => this.#flushed(step.payloadBytes));
    }
  }

  #flushed(bytes: number): void {
    this.#withSocket -= bytes;
    const unsent = this.unsentBytes;
    this.#waiting = this.#waiting.filter((each) => {
      if (unsent > each.bytes) return true;
      each.resolve();
      return false;
    });
    if (this.#pump === 'idle') this.#run();
  }
}
