import type { WorkloadResult } from '../run-workload.js'
import { summarize } from '../statistics.js'
import { ratioOf, valuesOf } from '../values-of.js'
import type { Case, Metric, Subject } from '../workload.js'
import { markdownTable } from './markdown-table.js'
import { numberText } from './number-text.js'

/** Everything that was measured in one case: medians, the range of the rounds, and the first metric beside ours. */
export function caseTable(result: WorkloadResult, testCase: Case): string {
  const metrics = metricsOf(result, testCase)
  const first = metrics[0]
  const ours = result.subjects.find((subject) => subject.ours)
  const head = ['', ...metrics.map(({ name, unit }) => `${name}, ${unit}`), '× ours']
  const rows = result.subjects.map((subject) => {
    const reason = absence(result, testCase, subject)
    const name = subject.ours ? `**${subject.name}**` : subject.name
    if (reason !== undefined) return [name, reason, ...metrics.map(() => '')]
    const cells = metrics.map((metric) => cell(valuesOf(result, testCase.id, subject.id, metric.id), metric))
    const of = (id: string): readonly number[] => valuesOf(result, testCase.id, id, first?.id ?? '')
    const ratio = ours && ratioOf(of(subject.id), of(ours.id))
    return [name, ...cells, ratio === undefined ? '' : numberText(ratio, 2)]
  })
  return markdownTable(head, rows)
}

/** Those of which there is a value. */
export function metricsOf(result: WorkloadResult, testCase: Case): readonly Metric[] {
  const series = result.series.filter((one) => one.case === testCase.id)
  return result.metrics.filter(({ id }) => series.some(({ values }) => values[id] !== undefined))
}

function cell(values: readonly number[], { digits }: Metric): string {
  const summary = summarize(values)
  if (summary === undefined) return ''
  const { median, min, max } = summary
  const range = `${numberText(min, digits)}–${numberText(max, digits)}`
  return values.length > 1 ? `${numberText(median, digits)} (${range})` : numberText(median, digits)
}

/** Why a subject has no values in a case. */
function absence(result: WorkloadResult, testCase: Case, subject: Subject): string | undefined {
  const reason = subject.missing ?? subject.skips?.[testCase.id]
  if (reason !== undefined) return reason
  const series = result.series.find((one) => one.case === testCase.id && one.subject === subject.id)
  const measured = series !== undefined && Object.keys(series.values).length > 0
  return measured ? undefined : `failed: ${series?.failures[0] ?? 'not measured'}`.replaceAll('|', '/')
}
