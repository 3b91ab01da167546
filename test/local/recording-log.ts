import type { Log } from '../../src/base/log.ts';

/** A log whose entries can be waited for. */
export interface RecordingLog extends Log {
  readonly messages: readonly string[];
  /** Resolves when the message was logged so many times. */
  until(message: string, times?: number): Promise<void>;
}

export function recordingLog(): RecordingLog {
  const messages: string[] = [];
  const waiting = new Set<() => void>();
  const record = (message: string): void => {
    messages.push(message);
    for (const check of waiting) check();
  };
  return {
    messages,
    error: record,
    warn: record,
    info: record,
    debug: record,
    until: (message, times = 1) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (messages.filter((entry) => entry === message).length < times) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}
