/** A line through measurements, and how far they are from it. */
export interface Trend {
  /** Of the line, at the first and at the last measurement. */
  readonly from: number;
  readonly to: number;
  /** Standard deviation of the measurements around the line. */
  readonly noise: number;
}

/** By least squares. */
export function trendOf(points: readonly (readonly [at: number, value: number])[]): Trend {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
  const atMean = mean(points.map(([at]) => at));
  const valueMean = mean(points.map(([, value]) => value));
  const spread = points.reduce((sum, [at]) => sum + (at - atMean) ** 2, 0);
  const slope =
    spread === 0
      ? 0
      : points.reduce((sum, [at, value]) => sum + (at - atMean) * (value - valueMean), 0) / spread;
  const line = (at: number): number => valueMean + slope * (at - atMean);
  return {
    from: line(points[0]?.[0] ?? 0),
    to: line(points.at(-1)?.[0] ?? 0),
    noise: Math.sqrt(mean(points.map(([at, value]) => (value - line(at)) ** 2))),
  };
}

/** Whether the growth over all of it stands out of the noise, and is more than `tolerated` besides. */
export function grows({ from, to, noise }: Trend, tolerated: number): boolean {
  return to - from > Math.max(2 * noise, tolerated);
}
