/**
 * Milliseconds to wait before the next try, after `failures` failed tries in a row: none, then 0.25 s, doubled each
 * time up to 15 s, which is the cap of AWS's own clients. Each delay is spread by ±25 %, so that clients that lost a
 * server together do not return together.
 *
 * @param random gives a number from 0 up to 1
 */
export function backoffMs(failures: number, random: () => number): number {
  if (failures === 0) return 0;
  const base = Math.min(firstMs * 2 ** (failures - 1), capMs);
  return Math.min(Math.round(base * (0.75 + random() / 2)), capMs);
}

const firstMs = 250;
const capMs = 15_000;
