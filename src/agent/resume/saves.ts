import { monotonicNow } from '../../base/monotonic-now.ts';
import type { AttachRequest } from '../host/scripts.ts';
import type { Keeping } from '../host/records.ts';
import { SaveSchedule } from '../keep/save-schedule.ts';

/** What the link's state means for a save. */
export interface SaveSituation {
  /** Whether an agent runs. One that has ended is saved without being asked. */
  readonly hasAgent: boolean;
  /** By `monotonicNow`, where the shell is about to be left: until when the save may be waited for. */
  readonly leavingBy: number | undefined;
  /** Whether all that was said is known to have arrived. Before the shell is left, that comes first. */
  readonly isOnRecord: boolean;
}

/** Saves of what the agent remembers: when one is wanted, and what the next attach asks for. */
export class Saves {
  readonly #schedule: SaveSchedule;
  readonly #situation: () => SaveSituation;
  #keeping: Keeping = 'no-mount';
  /** What was new when the attach that is under way asked for a save. */
  #asked: number | undefined;

  /** @param onDue one is wanted now, in passing */
  constructor(situation: () => SaveSituation, onDue: () => void) {
    this.#situation = situation;
    this.#schedule = new SaveSchedule(onDue);
  }

  get isAtRest(): boolean {
    return this.#schedule.isAtRest;
  }

  /** Another epoch has begun, in a microVM that can keep so much. */
  beginEpoch(keeping: Keeping): void {
    this.#keeping = keeping;
    this.#asked = undefined;
  }

  /** Something was said to the agent or by it. */
  add(): void {
    this.#schedule.add();
  }

  rest(isAtRest: boolean): void {
    this.#schedule.rest(isAtRest);
  }

  stop(): void {
    this.#schedule.stop();
  }

  /** Whether the host is to be asked for one. */
  get isWanted(): boolean {
    const { hasAgent, leavingBy } = this.#situation();
    if (this.#keeping === 'no-mount' || !hasAgent) return false;
    return leavingBy === undefined ? this.#schedule.isDue : this.#schedule.isOwed;
  }

  /** What the attach that begins now asks for. */
  request(): Pick<AttachRequest, 'save' | 'saveMs'> {
    const { leavingBy, isOnRecord } = this.#situation();
    const asks = this.isWanted && (leavingBy === undefined || isOnRecord);
    this.#asked = asks ? this.#schedule.news : undefined;
    if (!asks) return { save: undefined, saveMs: 0 };
    return {
      save: this.isAtRest ? 'rest' : 'busy',
      saveMs: Math.max((leavingBy ?? 0) - monotonicNow(), 0),
    };
  }

  /** That attach stands. */
  attached(): void {
    if (this.#asked === undefined) return;
    this.#schedule.asked(this.#asked, this.#situation().leavingBy !== undefined);
    this.#asked = undefined;
  }
}
