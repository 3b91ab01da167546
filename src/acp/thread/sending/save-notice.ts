import type { SaveResult } from '../../../agent/agent-link.ts';

/** Has the person told, with the next prompt, that what the agent remembers could not be saved. */
export class SaveNotice {
  #sentence: string | undefined;

  /** A save went otherwise than the one before. */
  heard(result: SaveResult): void {
    this.#sentence = result === 'ok' ? undefined : sentences[result];
  }

  /** The sentence for the conversation whose prompt is sent now; undefined where there is none, or it was said. */
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
