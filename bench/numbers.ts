/** The value below which a share of the samples lies, by the nearest rank; NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** The middle of the samples, or between the middle two; NaN without samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[sorted.length / 2 - 1] ?? NaN) + upper) / 2;
}

/** A measured value, and between which values the middle half of its samples lies. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What samples come to; their median unless another value is picked. */
export const figure = (
  samples: readonly number[],
  pick: (samples: readonly number[]) => number = median,
): Figure => ({
  value: pick(samples),
  low: percentile(samples, 0.25),
  high: percentile(samples, 0.75),
});
