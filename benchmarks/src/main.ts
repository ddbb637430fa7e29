import { parseArguments, UsageError } from './arguments.js'
import { peerPrograms } from './peers/peer-programs.js'
import { progressLine } from './progress-line.js'
import { runWorkload, type WorkloadResult } from './run-workload.js'
import { workloads } from './workloads/index.js'

/** Runs with these arguments (without node and script) and resolves with the exit code: 0 measured, 1 failed, 2 usage. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const options = parseArguments(argv, {
      workloads: workloads.map(({ id }) => id),
      peers: [...peerPrograms.filter(({ ours }) => !ours).map(({ id }) => id), 'direct'],
    })
    const results: WorkloadResult[] = []
    for (const workload of workloads) {
      if (options.only?.includes(workload.id) === false) continue
      results.push(await runWorkload(workload, options, progressLine(workload.metrics)))
    }
    process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
    return 0
  } catch (error) {
    const usage = error instanceof UsageError
    process.stderr.write(
      `bench: ${(error as Error).message}${usage ? '; see npm run bench -- --help' : ''}\n`,
    )
    return usage ? 2 : 1
  }
}
