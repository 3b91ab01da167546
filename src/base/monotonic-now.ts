import process from 'node:process';

/**
 * Milliseconds since an arbitrary moment; never goes back. `performance` gives the same, but takes some milliseconds to
 * load.
 */
export function monotonicNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
