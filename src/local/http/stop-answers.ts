/** How many tokens are remembered; AWS names no number. */
const mostTokens = 10_000;

/**
 * Makes StopRuntimeSession idempotent: a second request with the same token gets the same answer, and stops nothing.
 */
export class StopAnswers {
  readonly #answers = new Map<string, Promise<void>>();

  /**
   * Stops, or waits for the earlier stop with this token. A stop that failed is not remembered.
   *
   * @param request identifies the session
   * @param token undefined: each request is a new one
   */
  async once(request: string, token: string | undefined, stop: () => Promise<void>): Promise<void> {
    if (token === undefined) return stop();
    const key = `${request}\n${token}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = stop();
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > mostTokens && oldest !== undefined) this.#answers.delete(oldest);
    try {
      await answer;
    } catch (error) {
      this.#answers.delete(key);
      throw error;
    }
  }
}
