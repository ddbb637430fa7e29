import { readFileSync } from 'node:fs'
import { poolClaims } from '../pools/pool-claims.js'
import type { CycleResult } from '../pools/timed-cycles.js'
import { programFile } from '../processes/node-program.js'
import { runProgram } from '../processes/program.js'
import { repositoryFile } from '../repository-file.js'
import type { Conduct, Subject, Workload } from '../workload.js'

const LIBRARIES = ['generic-pool', 'tarn', 'lightning-pool']

const OURS: Subject = {
  id: 'relay',
  name: '`Pool<T>` of @relay/pool',
  ours: true,
  version: versionOf('@relay/pool'),
}
const NONE: Subject = { id: 'none', name: 'no pool, bare `await`', ours: false, version: '' }

/** Borrow and release, no sockets: `const item = await acquire(); release(item)`, ten items, so many workers. */
export const pools: Workload = {
  id: 'pools',
  name: 'Pools: borrow and release, no sockets',
  cases: [
    { id: '1', name: '1 borrower' },
    { id: '64', name: '64 borrowers' },
    { id: '1000', name: '1,000 borrowers' },
  ],
  metrics: [
    { id: 'cpu', name: 'CPU', unit: 'µs/cycle', better: 'less', digits: 2 },
    { id: 'rate', name: 'rate', unit: 'cycles/s', better: 'more', digits: 0 },
    { id: 'p99', name: 'p99 wait', unit: 'µs', better: 'less', digits: 1 },
  ],
  async open(settings) {
    const others = LIBRARIES.map((id): Subject => ({ id, name: id, ours: false, version: versionOf(id) }))
    const subjects = [OURS, ...others]
    return {
      subjects: [...subjects, NONE],
      async measure(subject, testCase) {
        const args = [programFile('pool-cycles'), subject, testCase, `${settings.seconds}`]
        const result = JSON.parse(await runProgram(process.execPath, args)) as CycleResult
        const { cycles, seconds, cpuSeconds, p99WaitUs } = result
        return { cpu: (cpuSeconds / cycles) * 1e6, rate: cycles / seconds, p99: p99WaitUs }
      },
      conduct: () => conductOf(subjects),
      close: async () => {},
    }
  },
}

async function conductOf(subjects: readonly Subject[]): Promise<Conduct> {
  const seen: Record<string, Record<string, string>> = {}
  for (const { id } of subjects) {
    seen[id] = JSON.parse(await runProgram(process.execPath, [programFile('pool-conduct'), id]))
  }
  return { claims: poolClaims.map(({ id, claim }) => ({ id, claim })), seen }
}

function versionOf(library: string): string {
  const file = repositoryFile(`benchmarks/node_modules/${library}/package.json`)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
