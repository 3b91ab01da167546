import type { Shell } from '../../shell/shell.ts';

export interface ConfirmationOptions {
  readonly shell: Pick<Shell, 'sent'>;
  /** All was sent, and `cat` has had the time to read it: the sizes may be asked for. */
  onReady(): void;
}

/**
 * When the host is asked for the sizes because nothing more is to be sent: the interrupt that comes with the question, as
 * does that of whoever takes the shell over, drops what `cat` has not read yet.
 */
export class Confirmation {
  readonly #options: ConfirmationOptions;
  #isComing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConfirmationOptions) {
    this.#options = options;
  }

  /** Somebody waits for it. */
  now(): void {
    this.stop();
    if (this.#isComing) return;
    this.#isComing = true;
    void this.#options.shell.sent(0).then(() => setTimeout(() => this.#ready(), readMs));
  }

  /** Nobody does. It would hold up what the agent says, just when the answer to what was sent may come. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.now(), quietMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #ready(): void {
    this.#isComing = false;
    this.#options.onReady();
  }
}

/** What it takes `cat` to read what the PTY has, on a busy machine. */
const readMs = 20;
const quietMs = 250;
