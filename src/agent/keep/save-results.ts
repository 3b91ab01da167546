import type { Log } from '../../base/log.ts';
import type { SaveResult } from '../agent-link.ts';

/**
 * Reports a save that failed, and the first one after it that succeeded. The host tells the result of the last save at
 * each attach.
 */
export class SaveResults {
  readonly #log: Log;
  readonly #onChange: (result: SaveResult) => void;
  #last: SaveResult = 'ok';

  /** @param onChange called when a save has another result than the one before */
  constructor(log: Log, onChange: (result: SaveResult) => void) {
    this.#log = log;
    this.#onChange = onChange;
  }

  /** @param result undefined: no save has ended in this microVM */
  heard(result: SaveResult | undefined): void {
    if (result === undefined || result === this.#last) return;
    this.#last = result;
    if (result !== 'ok') this.#log.warn(`what the agent remembers could not be saved: ${reasons[result]}`);
    this.#onChange(result);
  }
}

const reasons = {
  full: 'its storage in the microVM is full',
  failed: 'its storage in the microVM can not be written, or tar failed there',
} as const;
