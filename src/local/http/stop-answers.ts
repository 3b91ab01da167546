/** How many tokens are remembered; AWS names no number. */
const mostTokens = 10_000;

/** Makes StopRuntimeSession idempotent: who asks again with the same token gets the same answer, and nothing is stopped again. */
export class StopAnswers {
  readonly #answers = new Map<string, Promise<void>>();

  /**
   * Stops, or waits for the stop that was asked for with this token before. A stop that failed is not remembered.
   *
   * @param request what names the session
   * @param token undefined: each request is one of its own
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
