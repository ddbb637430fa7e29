import { type Summary, summarize } from '../statistics.js'
import type { Metric } from '../workload.js'
import type { PairValues } from './compare-relays.js'
import type { Side } from './pair-order.js'

/** With fewer ratios than these no verdict is given: a relay would differ from itself in too many of them. */
export const FEWEST_RATIOS = 5

/** What the pairs say of one metric. */
export interface JudgedMetric {
  readonly metric: Metric
  readonly old: Summary | undefined
  readonly new: Summary | undefined
  /** New over old, pair by pair. */
  readonly ratio: Summary | undefined
  /** Old over old, pair by pair: what the same relay differs from itself. */
  readonly control: Summary | undefined
  /** Within it the median ratio is no difference. */
  readonly spread: readonly [low: number, high: number] | undefined
  /** In how many pairs the new one was worse. */
  readonly worseIn: number
  readonly verdict: 'within' | 'worse' | 'better' | 'unknown'
}

/**
 * The criterion: the median of the ratios new/old against the *spread* of the ratios old/old, which is their range without the lowest
 * tenth and the highest tenth of them, widened to hold 1. Outside of the spread is worse or better. With fewer than ten pairs the spread
 * is the whole range. By a simulation with normal noise, ten pairs call 3 in 100 equal relays different, five pairs 9; and ten pairs find
 * what is worse by twice the standard deviation of one measurement 79 times in 100.
 */
export function judgeMetric(metric: Metric, pairs: readonly PairValues[]): JudgedMetric {
  const ratios = ratiosOf('new', metric, pairs)
  const ratio = summarize(ratios)
  const controls = ratiosOf('control', metric, pairs)
  const spread = spreadOf(controls)
  const isWorse = (one: number, than: number): boolean => (metric.better === 'less' ? one > than : one < than)
  return {
    metric,
    old: summarize(valuesOf('old', metric, pairs)),
    new: summarize(valuesOf('new', metric, pairs)),
    ratio,
    control: summarize(controls),
    spread,
    worseIn: ratios.filter((one) => isWorse(one, 1)).length,
    verdict: verdictOf(),
  }

  function verdictOf(): JudgedMetric['verdict'] {
    if (ratio === undefined || spread === undefined) return 'unknown'
    if (Math.min(ratio.samples, controls.length) < FEWEST_RATIOS) return 'unknown'
    const [low, high] = spread
    if (ratio.median >= low && ratio.median <= high) return 'within'
    return isWorse(ratio.median, 1) ? 'worse' : 'better'
  }
}

function valuesOf(side: Side, { id }: Metric, pairs: readonly PairValues[]): readonly number[] {
  return pairs.map((pair) => pair[side]?.[id]).filter((value) => value !== undefined)
}

/** Of the pairs that have both; a zero, such as CPU below a tick of the clock, has no ratio. */
function ratiosOf(side: Side, { id }: Metric, pairs: readonly PairValues[]): readonly number[] {
  return pairs
    .map((pair) => (pair[side]?.[id] ?? Number.NaN) / (pair.old?.[id] ?? Number.NaN))
    .filter((ratio) => Number.isFinite(ratio) && ratio > 0)
}

function spreadOf(ratios: readonly number[]): JudgedMetric['spread'] {
  const sorted = [...ratios].sort((one, two) => one - two)
  const left = Math.floor(sorted.length / 10)
  const [low, high] = [sorted[left], sorted[sorted.length - 1 - left]]
  return low === undefined || high === undefined ? undefined : [Math.min(low, 1), Math.max(high, 1)]
}
