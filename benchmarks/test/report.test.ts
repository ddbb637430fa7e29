import { describe, expect, it } from 'vitest'
import { judgeFloors } from '../src/floors.js'
import { barChart } from '../src/report/bar-chart.js'
import { caseTable } from '../src/report/case-table.js'
import { docsPage } from '../src/report/docs-page.js'
import { explanations } from '../src/report/explanations.js'
import { numberText } from '../src/report/number-text.js'
import { resultsPage } from '../src/report/results-page.js'
import { workloadChart } from '../src/report/workload-chart.js'
import type { RunResult } from '../src/run-result.js'
import { workloads } from '../src/workloads/index.js'
import { bulkResult } from './support/bulk-result.js'

const result = bulkResult({ relay: [0.5, 0.4, 0.6], nginx: [1, 0.8, 1.2] })
const run: RunResult = {
  format: 1,
  date: '2030-01-02T03:04:05.000Z',
  machine: { cpu: 'a CPU', cores: 2, memoryGiB: 4, kernel: 'Linux 6', node: '20.0.0' },
  rounds: 3,
  seconds: 2,
  workloads: [result],
  floors: judgeFloors([result]),
}

it('sets thousands apart', () => {
  expect([1234567, 999, -1234.56].map((value) => numberText(value, 1))).toEqual([
    '1,234,567.0',
    '999.0',
    '-1,234.6',
  ])
})

describe('the table of a case', () => {
  const down = result.cases[0] ?? { id: '', name: '' }

  it('has medians, the range of the rounds, and the ratio to ours', () => {
    expect(caseTable(result, down)).toBe(`|  | CPU of the relay, s/GB | × ours |
| --- | --: | --: |
| **relay** | 0.50 (0.40–0.60) | 1.00 |
| nginx | 1.00 (0.80–1.20) | 2.00 |
`)
  })

  it('says of a missing peer that it is missing, and of a failed one why', () => {
    const subjects = [
      { id: 'nginx', name: 'nginx', ours: false, version: undefined, missing: 'no nginx here' },
      { id: 'go', name: 'Go', ours: false, version: '1' },
    ]
    const series = [...result.series, { subject: 'go', case: 'down', values: {}, failures: ['it | broke'] }]
    const table = caseTable({ ...result, subjects, series }, down)
    expect(table).toContain('| nginx | no nginx here |')
    expect(table).toContain('| Go | failed: it / broke |')
  })
})

describe('the pages', () => {
  it('show every floor with its bound, what was measured and whether that reaches it', () => {
    const page = resultsPage(run)
    expect(page).toContain('| bulk down: CPU, of nginx’s | ≤ 0.72 | 0.50 | yes |')
    expect(page).toContain('| bulk up: CPU, of nginx’s | ≤ 1 | – | not measured |')
    expect(page).toContain('2030-01-02, a CPU, 2 cores')
  })

  it('say why a workload was not measured', () => {
    const missing = { ...run, workloads: [{ ...result, subjects: [], series: [], missing: 'no iperf3' }] }
    expect(resultsPage(missing)).toContain('Not measured: no iperf3')
    expect(docsPage(missing)).toContain('Not measured: no iperf3')
  })

  it('explain each workload and show the configurations of the peers', () => {
    expect(workloads.filter(({ id }) => explanations[id] === undefined)).toEqual([])
    expect(docsPage(run)).toContain('](benchmarks/bulk.svg)')
    expect(docsPage(run)).toContain('option splice-auto')
  })
})

describe('a chart', () => {
  it('draws the longest bar or range over its whole width, and the others to scale', () => {
    const bar = { min: 1, max: 1, highlighted: false }
    const chart = barChart('t', [
      {
        title: 'g',
        unit: 's',
        digits: 0,
        bars: [
          { ...bar, label: 'half', value: 1 },
          { ...bar, label: 'all', value: 2 },
        ],
      },
    ])
    const widths = [...chart.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width))
    expect(widths).toEqual([200, 400])
  })

  it('cannot be broken by the name of a subject', () => {
    const bars = [{ label: 'a `<b>` & c', value: 0, min: 0, max: 0, highlighted: true }]
    const chart = barChart('t', [{ title: 'g', unit: 's', digits: 0, bars }])
    expect(chart).toContain('>a &lt;b&gt; &amp; c</text>')
    expect(chart).not.toContain('NaN')
  })

  it('marks ours, and follows the reader into the dark', () => {
    const chart = workloadChart(result)
    expect(chart.match(/class="bar ours"/g)).toHaveLength(1)
    expect(chart).toContain('prefers-color-scheme: dark')
  })
})
