import { monotonicNow } from '../base/monotonic-now.ts';

/** Time, as this folder uses it. Tests hand in one that they move themselves. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Runs `task` once, `ms` from now. Returns what cancels it. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: monotonicNow,
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};
