/**
 * Milliseconds to wait before a try, `failures` tries having failed in a row: at once, then 1, 2, 4 and 8 s, then a
 * pause of 30 s, and so again. Each is spread by ±25%, so that clients that lost a server together don't come back
 * together. These are the steps of AWS's own clients; all within a round lie under their cap of 15 s.
 *
 * @param random gives a number from 0 up to 1.
 */
export function backoffMs(failures: number, random: () => number): number {
  const step = failures % steps.length;
  const base = step === 0 && failures > 0 ? pauseMs : (steps[step] ?? 0);
  return Math.round(base * (0.75 + random() / 2));
}

const steps: readonly number[] = [0, 1_000, 2_000, 4_000, 8_000];
const pauseMs = 30_000;
