import type { Floor } from '../floors.js'
import type { RunResult } from '../run-result.js'
import type { WorkloadResult } from '../run-workload.js'
import { caseTable } from './case-table.js'
import { conductTable } from './conduct-table.js'
import { markdownTable } from './markdown-table.js'
import { numberText } from './number-text.js'

/** benchmarks/RESULTS.md. */
export function resultsPage(run: RunResult): string {
  const { machine, workloads } = run
  return `# Results

Written by \`npm run bench\`; what the numbers say and do not say is in [docs/benchmarks.md](../docs/benchmarks.md).

${run.date.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}.
${run.rounds} rounds, ${run.seconds} s for each measurement. Client, relay and upstream share the machine. Each cell: the median of the
rounds (lowest–highest). **× ours**: the first column beside the first relay of ours, as the median of the ratios of each round.

${versionsOf(workloads)}

## Floors

${floorsTable(run.floors)}
${workloads.map(section).join('\n')}`
}

/** What has to be reached, and whether it was. */
export function floorsTable(floors: readonly Floor[]): string {
  const rows = floors.map(({ claim, bound, atMost, value, pass }) => [
    claim,
    `${atMost ? '≤' : '≥'} ${bound}`,
    value === undefined ? '–' : numberText(value, 2),
    pass === undefined ? 'not measured' : pass ? 'yes' : '**no**',
  ])
  return markdownTable(['', 'floor', 'measured', 'reached'], rows)
}

function section(result: WorkloadResult): string {
  const title = `## ${result.name}\n`
  if (result.missing !== undefined) return `${title}\nNot measured: ${result.missing}\n`
  const cases = result.cases.map((one) => `### ${one.name}\n\n${caseTable(result, one)}`)
  const conduct = result.conduct === undefined ? [] : [conductTable(result.conduct, result.subjects)]
  return `${title}\n${[...cases, ...conduct].join('\n')}`
}

function versionsOf(workloads: readonly WorkloadResult[]): string {
  const versions = new Map<string, string>()
  for (const { subjects } of workloads) {
    for (const { id, name, ours, version, missing } of subjects) {
      if (version === '') continue
      const plain = name.replace(/,.*/, '')
      if (!ours || id === 'relay') versions.set(plain, version ?? missing ?? 'missing')
    }
  }
  return `Versions: ${[...versions].map(([name, version]) => `${name} ${version}`).join(', ')}.`
}
