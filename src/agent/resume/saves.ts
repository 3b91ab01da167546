import { monotonicNow } from '../../base/monotonic-now.ts';
import type { AttachRequest } from '../host/scripts.ts';
import type { Keeping } from '../host/records.ts';
import { SaveSchedule } from '../keep/save-schedule.ts';

/** The state of the link, as far as a save depends on it. */
export interface SaveSituation {
  /** Whether an agent runs. The host saves by itself when an agent has ended. */
  readonly hasAgent: boolean;
  /** While the shell is about to be left: until when the save may be waited for, by `monotonicNow`. Else undefined. */
  readonly leavingBy: number | undefined;
  /** Whether all input is known to have arrived. Before the shell is left, input comes before the save. */
  readonly isOnRecord: boolean;
}

/** Decides when a save of what the agent remembers is wanted, and what the next attach asks for. */
export class Saves {
  readonly #schedule: SaveSchedule;
  readonly #situation: () => SaveSituation;
  #keeping: Keeping = 'no-mount';
  /** Place in the schedule when the attach that is under way asked for a save, and whether its host waits until that has ended. */
  #asked: { readonly news: number; readonly isAwaited: boolean } | undefined;

  /** @param onDue a save is due now, while the shell is kept */
  constructor(situation: () => SaveSituation, onDue: () => void) {
    this.#situation = situation;
    this.#schedule = new SaveSchedule(onDue);
  }

  get isAtRest(): boolean {
    return this.#schedule.isAtRest;
  }

  /** A new epoch has begun. `keeping` says whether its microVM can save anything. */
  beginEpoch(keeping: Keeping): void {
    this.#keeping = keeping;
    this.#asked = undefined;
  }

  /** A message went to the agent or came from it. */
  add(): void {
    this.#schedule.add();
  }

  rest(isAtRest: boolean): void {
    this.#schedule.rest(isAtRest);
  }

  stop(): void {
    this.#schedule.stop();
  }

  /** Whether the host is to be asked for a save. */
  get isWanted(): boolean {
    const { hasAgent, leavingBy } = this.#situation();
    if (this.#keeping === 'no-mount' || !hasAgent) return false;
    return leavingBy === undefined ? this.#schedule.isDue : this.#schedule.isOwed;
  }

  /** What the attach that begins now asks for. */
  request(): Pick<AttachRequest, 'save' | 'saveMs'> {
    const { leavingBy, isOnRecord } = this.#situation();
    const asks = this.isWanted && (leavingBy === undefined || isOnRecord);
    this.#asked = asks ? { news: this.#schedule.news, isAwaited: leavingBy !== undefined } : undefined;
    if (!asks) return { save: undefined, saveMs: 0 };
    return {
      save: this.isAtRest ? 'rest' : 'busy',
      saveMs: Math.max((leavingBy ?? 0) - monotonicNow(), 0),
    };
  }

  /** The attach that was given `request` has succeeded. */
  attached(): void {
    if (this.#asked === undefined) return;
    this.#schedule.asked(this.#asked.news, this.#asked.isAwaited);
    this.#asked = undefined;
  }
}
