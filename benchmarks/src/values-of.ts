import type { WorkloadResult } from './run-workload.js'
import { summarize } from './statistics.js'

/** The values of one metric, in the order of the rounds; none when it was not measured. */
export function valuesOf(
  result: WorkloadResult,
  testCase: string,
  subject: string,
  metric: string,
): readonly number[] {
  const series = result.series.find((one) => one.case === testCase && one.subject === subject)
  return series?.values[metric] ?? []
}

/**
 * How one relates to another: the middle of the ratios of the rounds, in each of which both had the same conditions; or of the medians
 * when a round is missing.
 */
export function ratioOf(values: readonly number[], others: readonly number[]): number | undefined {
  if (values.length === others.length) {
    return summarize(values.map((value, round) => value / (others[round] as number)))?.median
  }
  const [one, other] = [summarize(values)?.median, summarize(others)?.median]
  return one === undefined || other === undefined ? undefined : one / other
}
