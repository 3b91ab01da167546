/** Bytes from the beginning of the agent's files that the host may free; 0: none, or not worth a process there yet. */
export interface Freeable {
  readonly inFree: number;
  readonly outFree: number;
}

/** What of an epoch's files the host was let free, and when the next piece is worth it. */
export class Freeing {
  #freed: Freeable = { inFree: 0, outFree: 0 };
  #asked: Freeable = this.#freed;

  /** What to ask for, where nothing before these bytes will be wanted again. */
  ask(inNeeded: number, outNeeded: number): Freeable {
    const worth = (needed: number, freed: number): number => (needed - freed >= pieceBytes ? needed : 0);
    this.#asked = {
      inFree: worth(inNeeded, this.#freed.inFree),
      outFree: worth(outNeeded, this.#freed.outFree),
    };
    return this.#asked;
  }

  /** Whether so much is not needed any more that it is worth an attach of its own. */
  isWorthAnAttach(inNeeded: number, outNeeded: number): boolean {
    return inNeeded - this.#freed.inFree + (outNeeded - this.#freed.outFree) >= attachBytes;
  }

  /** The host did as it was asked, as far as it could. */
  done(): void {
    const { inFree, outFree } = this.#asked;
    this.#freed = {
      inFree: Math.max(inFree, this.#freed.inFree),
      outFree: Math.max(outFree, this.#freed.outFree),
    };
  }
}

const pieceBytes = 1024 * 1024;
/** The flow stands still for some 10 ms in an attach: 2 % of the time that this takes to come. */
const attachBytes = 16 * 1024 * 1024;
