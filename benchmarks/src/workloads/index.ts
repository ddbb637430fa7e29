import type { Workload } from '../workload.js'
import { bulk } from './bulk.js'
import { connections } from './connections.js'
import { firstAnswer } from './first-answer.js'
import { idle } from './idle.js'
import { messages } from './messages.js'
import { pools } from './pools.js'
import { stages } from './stages.js'
import { startUp } from './start-up.js'

/** In the order of the report. */
export const workloads: readonly Workload[] = [
  bulk,
  messages,
  connections,
  idle,
  firstAnswer,
  startUp,
  stages,
  pools,
]
