import { expect, test, vi } from 'vitest';
import { Saves } from '../../../src/agent/resume/saves.ts';
import { monotonicNow } from '../../../src/base/monotonic-now.ts';
import { verifies } from '../../requirements.ts';

test(
  verifies(
    'host.keep',
    'a save that was asked for before the shell is to be left is not the one that is waited for then',
  ),
  () => {
    vi.useFakeTimers();
    try {
      let leavingBy: number | undefined;
      const saves = new Saves(
        () => ({ hasAgent: true, leavingBy, isOnRecord: true }),
        () => undefined,
      );
      saves.beginEpoch('kept');
      saves.rest(true);
      saves.add();
      vi.advanceTimersByTime(1000);
      expect(saves.request()).toEqual({ save: 'rest', saveMs: 0 });
      leavingBy = monotonicNow() + 60_000;
      saves.attached();
      expect(saves.isWanted).toBe(true);
      expect(saves.request().saveMs).toBeGreaterThan(0);
      saves.attached();
      expect(saves.isWanted).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  },
);
