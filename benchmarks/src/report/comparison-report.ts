import type { ComparisonResult, JudgedCase } from '../comparison/comparison-result.js'
import { FEWEST_RATIOS, type JudgedMetric } from '../comparison/judge-metric.js'
import type { Summary } from '../statistics.js'
import { markdownTable } from './markdown-table.js'
import { numberText } from './number-text.js'

const HEAD = ['', 'old', 'new', 'new/old', 'old/old', 'spread', 'worse in']

/** A comparison as text: a table and verdicts for each case, and in the end what stands out. */
export function comparisonReport(result: ComparisonResult): string {
  const { old: older, new: newer, flags, pairs, seconds, minutes, machine, cases } = result
  return `# New against old

old: ${older.path}, ${older.commit ?? 'no commit'}
new: ${newer.path}, ${newer.commit ?? 'no commit'}
${flags.length > 0 ? `both with ${flags.join(' ')}\n` : ''}${pairs} pairs, ${seconds} s for each measurement, ${minutes} min in all; ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}.
Medians (lowest–highest). *spread*: the ratios old/old without the lowest and the highest tenth; a median of new/old in it is no difference.

${cases.map(section).join('\n')}
## All in all

${allInAll(cases).join('\n')}
`
}

function allInAll(cases: readonly JudgedCase[]): readonly string[] {
  const lines = cases.flatMap(({ name, judged, failures }) => [
    ...judged.filter(({ verdict }) => verdict !== 'within').map((one) => `- ${name}: ${verdictLine(one)}`),
    ...(failures.length > 0 ? [`- ${name}: something failed`] : []),
  ])
  return lines.length > 0 ? lines : ['Nothing differs beyond the control’s spread.']
}

function section({ name, judged, failures }: JudgedCase): string {
  const table = markdownTable(HEAD, judged.map(row))
  const verdicts = judged.map((one) => `- ${verdictLine(one)}\n`).join('')
  const failed = failures.map((failure) => `- failed: ${failure}\n`).join('')
  return `## ${name}\n\n${table}\n${verdicts}${failed}`
}

function row(judged: JudgedMetric): readonly string[] {
  const { metric, ratio, control, spread } = judged
  const median = (of: Summary | undefined): string => (of ? numberText(of.median, metric.digits) : '–')
  return [
    `${metric.name}, ${metric.unit}`,
    median(judged.old),
    median(judged.new),
    ratioText(ratio),
    ratioText(control),
    spread ? spread.map((end) => end.toFixed(3)).join('–') : '–',
    ratio ? `${judged.worseIn} of ${ratio.samples}` : '–',
  ]
}

function ratioText(ratio: Summary | undefined): string {
  if (ratio === undefined) return '–'
  const [median, min, max] = [ratio.median, ratio.min, ratio.max].map((one) => one.toFixed(3))
  return `${median} (${min}–${max})`
}

/** The verdict in words. */
function verdictLine({ metric, ratio, verdict }: JudgedMetric): string {
  const [worse, better] = metric.better === 'less' ? ['dearer', 'cheaper'] : ['slower', 'faster']
  if (ratio === undefined || verdict === 'unknown') {
    return `${metric.name}: no verdict, ${FEWEST_RATIOS} whole pairs are needed`
  }
  if (verdict === 'within') return `${metric.name}: not ${worse} beyond the control’s spread`
  const percent = Math.abs((ratio.median - 1) * 100).toFixed(1)
  return `${metric.name}: ${verdict === 'worse' ? worse : better} by ${percent} %, beyond the control’s spread`
}
