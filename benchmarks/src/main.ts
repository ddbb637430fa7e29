import { parseArguments, UsageError } from './arguments.js'
import { comparedWorkloads } from './comparison/compared-workloads.js'
import { runComparison } from './comparison/run-comparison.js'
import { judgeFloors } from './floors.js'
import { thisMachine } from './machine.js'
import { peerIds } from './peers/peer-programs.js'
import { progressLine } from './progress-line.js'
import { caseTable } from './report/case-table.js'
import { comparisonReport } from './report/comparison-report.js'
import { floorsTable } from './report/results-page.js'
import { writeReport } from './report/write-report.js'
import type { RunResult } from './run-result.js'
import { runWorkload, type WorkloadResult } from './run-workload.js'
import { usage } from './usage.js'
import type { Workload } from './workload.js'
import { workloads } from './workloads/index.js'

/** Runs with these arguments (without node and script) and resolves with the exit code: 0 measured, 1 failed, 2 usage. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const idsOf = (all: readonly Workload[]) => all.map(({ id }) => id)
    const known = { workloads: idsOf(workloads), compared: idsOf(comparedWorkloads), peers: peerIds }
    const options = parseArguments(argv, known)
    if (options.help) {
      process.stdout.write(usage())
      return 0
    }
    if (options.comparison) {
      const compared = await runComparison(options.comparison, options)
      print(options.json ? compared : comparisonReport(compared))
      return 0
    }
    const results: WorkloadResult[] = []
    for (const workload of workloads) {
      if (options.only?.includes(workload.id) === false) continue
      results.push(await runWorkload(workload, options, progressLine(workload.metrics)))
    }
    const { rounds, seconds } = options
    const floors = judgeFloors(results)
    const date = new Date().toISOString()
    const result: RunResult = {
      ...{ format: 1, date, machine: thisMachine(), rounds, seconds },
      ...{ workloads: results, floors },
    }
    if (options.write) writeReport(result)
    print(options.json ? result : tables(result))
    return 0
  } catch (error) {
    const wrong = error instanceof UsageError
    process.stderr.write(
      `bench: ${(error as Error).message}${wrong ? '; see npm run bench -- --help' : ''}\n`,
    )
    return wrong ? 2 : 1
  }
}

/** Text as it is, and anything else as JSON. */
function print(output: string | object): void {
  process.stdout.write(typeof output === 'string' ? output : `${JSON.stringify(output, null, 2)}\n`)
}

function tables({ workloads: results, floors }: RunResult): string {
  const sections = results.map((result) => {
    if (result.missing !== undefined) return `${result.name}: not measured: ${result.missing}\n`
    return result.cases.map((one) => `${result.name}, ${one.name}\n\n${caseTable(result, one)}`).join('\n')
  })
  return [...sections, floorsTable(floors.filter(({ value }) => value !== undefined))].join('\n')
}
