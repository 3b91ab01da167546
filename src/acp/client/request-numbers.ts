/**
 * The requests of one peer that the other has not answered. Each gets a number as its id: integers from `first` on,
 * each used once.
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

  /** Adds a request and returns its number. */
  open(request: Request): number {
    const number = this.#next;
    this.#next += 1;
    this.#open.set(number, request);
    return number;
  }

  has(isSo: (request: Request) => boolean): boolean {
    for (const request of this.#open.values()) if (isSo(request)) return true;
    return false;
  }

  get(number: number): Request | undefined {
    return this.#open.get(number);
  }

  /**
   * Removes and returns the request that a response answers. `id` is the id in the response: JSON text, which may be a
   * string.
   */
  close(id: string): Request | undefined {
    const number = Number(id);
    const request = this.#open.get(number);
    this.#open.delete(number);
    return request;
  }

  /** Removes and returns all requests for which `isSo` is true, in the order in which they were added. */
  closeAll(isSo: (request: Request) => boolean): [number: number, request: Request][] {
    const closed = this.entries().filter(([, request]) => isSo(request));
    for (const [number] of closed) this.#open.delete(number);
    return closed;
  }

  /** All requests, in the order in which they were added. */
  entries(): [number: number, request: Request][] {
    return [...this.#open];
  }
}

/**
 * The first number for requests to an agent. Its upper bits are random, 20 of them, so that a late response to the
 * request of an earlier process matches no request of this one. After 2^32 requests the numbers are still below 2^53.
 *
 * @param random from 0 up to 1
 */
export function firstRequestId(random: number): number {
  return Math.floor(random * 2 ** 20) * 2 ** 32;
}
