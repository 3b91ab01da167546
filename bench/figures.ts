/** One thing measured, beside what it is measured against. */
export interface Figure {
  readonly part: string;
  readonly what: string;
  readonly unit: 'ms' | 'MB' | 'MB/s' | 's' | 'round trips';
  /** The median of the bridge's runs. */
  readonly ours: number;
  /** The median of what it is compared with, taken in turns with it. */
  readonly limit: number;
  readonly limitIs: string;
  /** What the figure is to be, and whether it is. */
  readonly target: Target | undefined;
  readonly runs: number;
}

export interface Target {
  readonly says: string;
  readonly isMet: boolean;
}

/** `ours` is to be at most so many times the limit. */
export function atMost(times: number, ours: number, limit: number): Target {
  return { says: `≤ ${times} ×`, isMet: ours <= times * limit };
}

/** `ours` is to be at least so many times the limit. */
export function atLeast(times: number, ours: number, limit: number): Target {
  return { says: `≥ ${times} ×`, isMet: ours >= times * limit };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Runs each of them once a round, in turns, so that a machine which is busy for a while is so for all of them. The results are by name. */
export async function inTurns<Name extends string>(
  rounds: number,
  runs: Readonly<Record<Name, () => Promise<number>>>,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(runs) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) results[name].push(await runs[name]());
  }
  return results;
}

/** The figures as a table of Markdown. */
export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ part, what, unit, ours, limit, limitIs, target, runs }) => [
    part,
    what,
    `${rounded(ours)} ${unit}`,
    `${rounded(limit)} ${unit}`,
    limitIs,
    (ours / limit).toFixed(2),
    target === undefined ? '' : `${target.says}: ${target.isMet ? 'met' : 'missed'}`,
    String(runs),
  ]);
  const head = ['part', 'what', 'bridge', 'limit', 'the limit is', 'ratio', 'target', 'runs'];
  const widths = head.map((title, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
