/**
 * How many bytes at the beginning of the agent's files the host may free. 0: none, or too few to be worth a process
 * there.
 */
export interface Freeable {
  readonly inFree: number;
  readonly outFree: number;
}

/** Remembers how much of an epoch's files the host was asked to free, and says when more is worth asking for. */
export class Freeing {
  #freed: Freeable = { inFree: 0, outFree: 0 };
  #asked: Freeable = this.#freed;

  /** What to ask the host to free, if no byte before `inNeeded` and `outNeeded` will be read again. */
  ask(inNeeded: number, outNeeded: number): Freeable {
    const worth = (needed: number, freed: number): number => (needed - freed >= pieceBytes ? needed : 0);
    this.#asked = {
      inFree: worth(inNeeded, this.#freed.inFree),
      outFree: worth(outNeeded, this.#freed.outFree),
    };
    return this.#asked;
  }

  /** Whether there is so much to free that it is worth an attach of its own. */
  isWorthAnAttach(inNeeded: number, outNeeded: number): boolean {
    return inNeeded - this.#freed.inFree + (outNeeded - this.#freed.outFree) >= attachBytes;
  }

  /** The attach that asked has succeeded: the host frees what it can. */
  done(): void {
    const { inFree, outFree } = this.#asked;
    this.#freed = {
      inFree: Math.max(inFree, this.#freed.inFree),
      outFree: Math.max(outFree, this.#freed.outFree),
    };
  }
}

const pieceBytes = 1024 * 1024;
/** An attach stops the flow for about 10 ms: 2 % of the time that 16 MB take to arrive. */
const attachBytes = 16 * 1024 * 1024;
