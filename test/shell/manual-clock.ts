import type { Clock } from '../../src/shell/clock.ts';

/** A clock that stands still until it is told to advance, and can say when a timer was set. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly ms: number; readonly task: () => void }[] = [];
  #watchers: { readonly matches: (ms: number) => boolean; readonly resolve: (ms: number) => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + ms, ms, task };
    this.#timers.push(timer);
    this.#watchers = this.#watchers.filter((watcher) => {
      if (!watcher.matches(ms)) return true;
      watcher.resolve(ms);
      return false;
    });
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Runs what falls due in the next `ms`, in order, each at its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
    this.#now = end;
  }

  /** Resolves with its duration when a timer that matches is set, or is set already. */
  armed(matches: (ms: number) => boolean): Promise<number> {
    const set = this.#timers.find((each) => matches(each.ms));
    if (set !== undefined) return Promise.resolve(set.ms);
    return new Promise((resolve) => this.#watchers.push({ matches, resolve }));
  }

  get timers(): number {
    return this.#timers.length;
  }
}
