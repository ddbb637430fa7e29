import type { Workload } from '../workload.js'
import { bulk } from '../workloads/bulk.js'
import { connections } from '../workloads/connections.js'
import { idle } from '../workloads/idle.js'
import { messages } from '../workloads/messages.js'

/** A workload of which a comparison takes other cases than the report, and not all of its metrics. */
export interface ComparedWorkload extends Workload {
  /** Ids of the metrics that are judged: costs and throughput. */
  readonly judged: readonly string[]
}

/** In the order of a pair. */
export const comparedWorkloads: readonly ComparedWorkload[] = [
  { ...messages, judged: ['cpu', 'rate'] },
  {
    ...bulk,
    name: 'Bulk: iperf3',
    judged: ['cpu', 'rate'],
    cases: [
      { id: 'down', name: 'one stream, upstream to client' },
      { id: 'up', name: 'one stream, client to upstream' },
      { id: 'down-8', name: 'eight streams, upstream to client' },
      { id: 'up-8', name: 'eight streams, client to upstream' },
    ],
  },
  {
    ...connections,
    judged: ['cpu', 'rate'],
    // The other one says the same, and warms up for as long.
    cases: connections.cases.filter(({ id }) => id === 'http'),
  },
  { ...idle, judged: ['memory'], cases: [{ id: '4000', name: '4,000 sessions' }] },
]
