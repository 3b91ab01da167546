/**
 * Loaded into a bridge before it starts: at SIGUSR2 it collects what is garbage and tells on descriptor 3 what is left, as a line of
 * JSON. Needs `--expose-gc`.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';

/** What a process says of itself. */
export interface SelfReport {
  /** Bytes of objects and buffers that are in use. */
  readonly live: number;
  /** Sockets, pipes, timers and the like that keep the process. */
  readonly resources: number;
}

process.on('SIGUSR2', () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const report: SelfReport = {
    live: heapUsed + external,
    resources: process.getActiveResourcesInfo().length,
  };
  writeSync(3, `${JSON.stringify(report)}\n`);
});
