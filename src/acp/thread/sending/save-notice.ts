import type { SaveResult } from '../../../agent/agent-link.ts';

/** Adds a sentence to the conversation, with the next prompt, when a save of what the agent remembers has failed. */
export class SaveNotice {
  #sentence: string | undefined;

  /** A save had another result than the one before. */
  heard(result: SaveResult): void {
    this.#sentence = result === 'ok' ? undefined : sentences[result];
  }

  /**
   * Returns the sentence to say with the prompt that is sent now. Undefined if there is none or it was said already.
   */
  take(): string | undefined {
    const sentence = this.#sentence;
    this.#sentence = undefined;
    return sentence;
  }
}

const sentences = {
  full: 'What the agent remembers could not be saved, since its storage is full: unless there is room soon, what is new is lost with the workspace.',
  failed:
    'What the agent remembers could not be saved, since its storage could not be written: unless a later save succeeds, what is new is lost with the workspace.',
} as const;
