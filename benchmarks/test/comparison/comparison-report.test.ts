import { expect, it } from 'vitest'
import type { PairValues } from '../../src/comparison/compare-relays.js'
import type { ComparisonResult } from '../../src/comparison/comparison-result.js'
import { judgeMetric } from '../../src/comparison/judge-metric.js'
import { comparisonReport } from '../../src/report/comparison-report.js'
import { bulk } from '../../src/workloads/bulk.js'

function resultOf(
  newer: { readonly cpu: number; readonly rate: number },
  { pairs: count = 5, failures = [] }: { pairs?: number; failures?: readonly string[] } = {},
): ComparisonResult {
  const pairs: readonly PairValues[] = Array.from({ length: count }, (_, at) => ({
    old: { cpu: 0.5, rate: 2 },
    new: newer,
    control: { cpu: 0.49 + at / 100, rate: 2 },
  }))
  const judged = bulk.metrics.map((metric) => judgeMetric(metric, pairs))
  const one = { workload: 'bulk', case: 'down', name: 'Bulk, down', metrics: bulk.metrics }
  return {
    ...{ format: 1, date: '', flags: ['--prewarm', '64'], pairs: count, seconds: 2, minutes: 1 },
    machine: { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: 'Linux 6', node: '20.0.0' },
    old: { path: '/old', commit: 'abc one', file: '' },
    new: { path: '/new', commit: undefined, file: '' },
    cases: [{ ...one, pairs, failures, judged }],
  }
}

it('shows medians, ratios with their ranges and a verdict, and repeats what stands out', () => {
  const report = comparisonReport(resultOf({ cpu: 0.6, rate: 2 }))
  expect(report).toContain('old: /old, abc one\nnew: /new, no commit\nboth with --prewarm 64\n5 pairs')
  expect(report).toContain(`## Bulk, down

|  | old | new | new/old | old/old | spread | worse in |
| --- | --: | --: | --: | --: | --: | --: |
| CPU of the relay, s/GB | 0.50 | 0.60 | 1.200 (1.200–1.200) | 1.020 (0.980–1.060) | 0.980–1.060 | 5 of 5 |
| rate, GB/s | 2.00 | 2.00 | 1.000 (1.000–1.000) | 1.000 (1.000–1.000) | 1.000–1.000 | 0 of 5 |

- CPU of the relay: dearer by 20.0 %, beyond the control’s spread
- rate: not slower beyond the control’s spread
`)
  expect(report.split('## All in all\n\n')[1]).toBe(
    '- Bulk, down: CPU of the relay: dearer by 20.0 %, beyond the control’s spread\n',
  )
})

it('repeats in the end what is better, and what has no verdict', () => {
  const end = (result: ComparisonResult) => comparisonReport(result).split('## All in all\n\n')[1]
  expect(end(resultOf({ cpu: 0.4, rate: 2 }))).toBe(
    '- Bulk, down: CPU of the relay: cheaper by 20.0 %, beyond the control’s spread\n',
  )
  expect(end(resultOf({ cpu: 0.5, rate: 2 }, { pairs: 4 }))).toBe(`\
- Bulk, down: CPU of the relay: no verdict, 5 whole pairs are needed
- Bulk, down: rate: no verdict, 5 whole pairs are needed
`)
})

it('has words for a cost and for a rate, and for what is better', () => {
  expect(comparisonReport(resultOf({ cpu: 0.4, rate: 1 }))).toContain(`
- CPU of the relay: cheaper by 20.0 %, beyond the control’s spread
- rate: slower by 50.0 %, beyond the control’s spread
`)
  expect(comparisonReport(resultOf({ cpu: 0.5, rate: 3 }))).toContain(`
- CPU of the relay: not dearer beyond the control’s spread
- rate: faster by 50.0 %, beyond the control’s spread
`)
})

it('says in the end that nothing differs, when nothing does', () => {
  const report = comparisonReport(resultOf({ cpu: 0.5, rate: 2 }))
  expect(report).toMatch(/## All in all\n\nNothing differs beyond the control’s spread\.\n$/)
})

it('says when there are too few pairs, and what failed', () => {
  const failures = ['pair 1, old: it broke']
  const report = comparisonReport(resultOf({ cpu: 0.6, rate: 2 }, { pairs: 4, failures }))
  expect(report).toContain('- CPU of the relay: no verdict, 5 whole pairs are needed\n')
  expect(report).toContain('- failed: pair 1, old: it broke\n')
  expect(report).toContain('- Bulk, down: something failed\n')
  expect(comparisonReport(resultOf({ cpu: 0.6, rate: 2 }, { pairs: 0 }))).toContain('| – | – | – | – |')
})
