import type { Workload } from '../workload.js'
import { bulk } from './bulk.js'
import { connections } from './connections.js'
import { messages } from './messages.js'

/** In the order of the report. */
export const workloads: readonly Workload[] = [bulk, messages, connections]
