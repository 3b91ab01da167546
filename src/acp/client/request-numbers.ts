/**
 * The requests of one peer that the other has not answered, under numbers that are given out in its stead: integers from
 * `first` on, each once.
 */
export class OpenRequests<Request> {
  readonly #open = new Map<number, Request>();
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  /** The number that the next request will get. */
  get next(): number {
    return this.#next;
  }

  /** Returns the number that the request is open under. */
  open(request: Request): number {
    const number = this.#next;
    this.#next += 1;
    this.#open.set(number, request);
    return number;
  }

  get(number: number): Request | undefined {
    return this.#open.get(number);
  }

  /** Takes out the request that an answer is to, by the id in the answer, which is JSON text and may be a string. */
  close(id: string): Request | undefined {
    const number = Number(id);
    const request = this.#open.get(number);
    this.#open.delete(number);
    return request;
  }

  /** Takes out all requests for which `isSo`, in the order in which they were opened. */
  closeAll(isSo: (request: Request) => boolean): [number: number, request: Request][] {
    const closed = this.entries().filter(([, request]) => isSo(request));
    for (const [number] of closed) this.#open.delete(number);
    return closed;
  }

  /** In the order in which they were opened. */
  entries(): [number: number, request: Request][] {
    return [...this.#open];
  }
}

/**
 * Where the numbers towards an agent begin: as one process's own as 20 random bits make them, so that answers to the
 * requests of a process that is gone are not taken for answers to this one's. After 2^32 more they are still below 2^53.
 *
 * @param random from 0 up to 1
 */
export function firstRequestId(random: number): number {
  return Math.floor(random * 2 ** 20) * 2 ** 32;
}
