import { describe, expect, it } from 'vitest'
import type { PairValues } from '../../src/comparison/compare-relays.js'
import { judgeMetric } from '../../src/comparison/judge-metric.js'
import type { Metric } from '../../src/workload.js'

const cpu: Metric = { id: 'cpu', name: 'CPU', unit: 'µs', better: 'less', digits: 1 }
const rate: Metric = { id: 'cpu', name: 'rate', unit: '1/s', better: 'more', digits: 0 }

/** Pairs with an old one of 100 each. */
function pairsOf(newer: readonly number[], control: readonly number[]): readonly PairValues[] {
  return newer.map((value, at) => ({
    old: { cpu: 100 },
    new: { cpu: value },
    control: { cpu: control[at] ?? Number.NaN },
  }))
}

const CONTROL = [50, 95, 96, 98, 99, 101, 102, 103, 104, 200]
const tenTimes = (value: number) => Array.from({ length: 10 }, () => value)

describe('the verdict on a metric', () => {
  it('takes the control’s ratios without the lowest and the highest tenth for its spread', () => {
    expect(judgeMetric(cpu, pairsOf(tenTimes(100), CONTROL)).spread).toEqual([0.95, 1.04])
  })

  it('is the whole range of fewer than ten', () => {
    expect(judgeMetric(cpu, pairsOf([1, 2, 3, 4, 5], CONTROL)).spread).toEqual([0.5, 1])
  })

  it.each([
    [104, 'within', 'within'],
    [95, 'within', 'within'],
    [105, 'worse', 'better'],
    [94, 'better', 'worse'],
  ])('says of a median of %i against 100 that its cost is %s, and as a rate %s', (median, cost, asRate) => {
    expect(judgeMetric(cpu, pairsOf(tenTimes(median), CONTROL)).verdict).toBe(cost)
    expect(judgeMetric(rate, pairsOf(tenTimes(median), CONTROL)).verdict).toBe(asRate)
  })

  it('calls what equals the old one no difference, although the control has strayed', () => {
    expect(judgeMetric(cpu, pairsOf(tenTimes(100), tenTimes(90)))).toMatchObject({
      spread: [0.9, 1],
      verdict: 'within',
    })
  })

  it('takes the ratio in each pair, so that a drift from pair to pair does not count', () => {
    const pairs = [1, 2, 4, 8, 16].map((drift) => ({
      old: { cpu: 100 * drift },
      new: { cpu: 110 * drift },
      control: { cpu: 101 * drift },
    }))
    expect(judgeMetric(cpu, pairs)).toMatchObject({
      ratio: { median: 1.1, min: 1.1, max: 1.1, samples: 5 },
      worseIn: 5,
      verdict: 'worse',
    })
  })

  it('leaves out pairs that lack a value or have a zero, and is none with fewer than five', () => {
    const whole = pairsOf([120, 120, 120, 120], CONTROL)
    const broken: readonly PairValues[] = [{ old: { cpu: 100 } }, { new: { cpu: 1 } }, {}]
    const zero: PairValues = { old: { cpu: 0 }, new: { cpu: 0 }, control: { cpu: 1 } }
    expect(judgeMetric(cpu, [...whole, ...broken, zero])).toMatchObject({
      ratio: { samples: 4 },
      control: { samples: 4 },
      verdict: 'unknown',
    })
    expect(judgeMetric(cpu, [])).toMatchObject({ ratio: undefined, spread: undefined, verdict: 'unknown' })
  })
})
