import type { Floor } from './floors.js'
import type { Machine } from './machine.js'
import type { WorkloadResult } from './run-workload.js'

/** All that one run found out; `--json` prints it as it is. */
export interface RunResult {
  /** Of this format: it grows with a change that a reader must know of. */
  readonly format: 1
  readonly date: string
  readonly machine: Machine
  readonly rounds: number
  readonly seconds: number
  readonly workloads: readonly WorkloadResult[]
  readonly floors: readonly Floor[]
}
