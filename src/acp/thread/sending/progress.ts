import type { Call } from '../state/calls.ts';

export interface ProgressOptions {
  /** Whether the prompt is still on this side: neither gone out nor answered. */
  isWaiting(prompt: Call): boolean;
  /** Tells the person that the workspace is starting. */
  tell(prompt: Call): void;
}

/**
 * Tells people whose prompt waits for a workspace what they are waiting for: once, and not before it takes long. A
 * workspace is a microVM, an agent in it that has been introduced, and the conversation brought back to it.
 */
export class Progress {
  readonly #options: ProgressOptions;
  /** Of the prompts that wait, and of those that did when the last one came. */
  readonly #timers = new Map<Call, NodeJS.Timeout>();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** This prompt waits for the workspace, perhaps since before. */
  begin(prompt: Call): void {
    for (const each of this.#timers.keys()) if (!this.#options.isWaiting(each)) this.#end(each);
    if (this.#timers.has(prompt)) return;
    const timer = setTimeout(() => {
      if (this.#options.isWaiting(prompt)) this.#options.tell(prompt);
    }, longMs);
    this.#timers.set(prompt, timer);
  }

  /** Nobody is to be told any more. */
  stop(): void {
    for (const prompt of this.#timers.keys()) this.#end(prompt);
  }

  #end(prompt: Call): void {
    clearTimeout(this.#timers.get(prompt));
    this.#timers.delete(prompt);
  }
}

/** A warm microVM answers within two seconds; a cold one takes up to 15. */
const longMs = 3000;
