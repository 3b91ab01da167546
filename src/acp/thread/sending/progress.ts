import type { Call } from '../state/calls.ts';

export interface ProgressOptions {
  /** Whether the prompt is still held by the bridge: not sent, and not answered. */
  isWaiting(prompt: Call): boolean;
  /** Tells the user that the workspace is starting. */
  tell(prompt: Call): void;
}

/**
 * Tells users whose prompt waits for a workspace that it is starting: once, and only when it takes long. The workspace
 * is ready when the microVM runs, its agent has been introduced, and the conversation has been opened in it.
 */
export class Progress {
  readonly #options: ProgressOptions;
  /** Timers of the prompts that wait, and of those that waited when the last prompt came. */
  readonly #timers = new Map<Call, NodeJS.Timeout>();

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** This prompt waits for the workspace. It may have waited before. */
  begin(prompt: Call): void {
    for (const each of this.#timers.keys()) if (!this.#options.isWaiting(each)) this.#end(each);
    if (this.#timers.has(prompt)) return;
    const timer = setTimeout(() => {
      if (this.#options.isWaiting(prompt)) this.#options.tell(prompt);
    }, longMs);
    this.#timers.set(prompt, timer);
  }

  /** Stops all timers. */
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
