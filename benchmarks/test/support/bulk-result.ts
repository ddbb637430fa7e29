import type { WorkloadResult } from '../../src/run-workload.js'
import { bulk } from '../../src/workloads/bulk.js'

/** What a run of `bulk down` would have found, from CPU by subject. */
export function bulkResult(cpu: Readonly<Record<string, readonly number[]>>): WorkloadResult {
  const { id, name, cases, metrics } = bulk
  const subjects = Object.keys(cpu).map((subject) => ({
    id: subject,
    name: subject,
    ours: subject === 'relay',
    version: '1.0',
  }))
  const series = Object.entries(cpu).map(([subject, values]) => ({
    subject,
    case: 'down',
    values: { cpu: values },
    failures: [],
  }))
  return { id, name, cases: cases.slice(0, 1), metrics, subjects, series }
}
