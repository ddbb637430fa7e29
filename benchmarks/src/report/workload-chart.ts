import type { WorkloadResult } from '../run-workload.js'
import { summarize } from '../statistics.js'
import { valuesOf } from '../values-of.js'
import { type Bar, type BarGroup, barChart } from './bar-chart.js'
import { metricsOf } from './case-table.js'

/** The first metric of each case, as a picture. */
export function workloadChart(result: WorkloadResult): string {
  return barChart(
    result.name,
    result.cases.flatMap((testCase) => groupOf(result, testCase)),
  )
}

function groupOf(result: WorkloadResult, testCase: WorkloadResult['cases'][number]): readonly BarGroup[] {
  const metric = metricsOf(result, testCase)[0]
  if (metric === undefined) return []
  const bars = result.subjects.flatMap((subject): readonly Bar[] => {
    const summary = summarize(valuesOf(result, testCase.id, subject.id, metric.id))
    if (summary === undefined) return []
    const { median, min, max } = summary
    return [{ label: subject.name, value: median, min, max, highlighted: subject.ours }]
  })
  const better = metric.better === 'less' ? 'less is better' : 'more is better'
  return [
    { title: testCase.name, unit: `${metric.name}, ${metric.unit}; ${better}`, digits: metric.digits, bars },
  ]
}
