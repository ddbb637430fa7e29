import type { PeerProgram } from '../peers/peer-program.js'
import type { Progress } from '../run-workload.js'
import type { Metric, OpenWorkload, Values } from '../workload.js'
import type { ComparedWorkload } from './compared-workloads.js'
import { pairOrder, type Side } from './pair-order.js'

/** What one pair gave, by side; a side that failed is absent. */
export type PairValues = Readonly<Partial<Record<Side, Values>>>

/** All that was measured in one case. */
export interface ComparedCase {
  readonly workload: string
  readonly case: string
  readonly name: string
  /** Those that are judged. */
  readonly metrics: readonly Metric[]
  readonly pairs: readonly PairValues[]
  /** Why a pair has no values, and what else went wrong. */
  readonly failures: readonly string[]
}

interface ComparisonOptions {
  readonly workloads: readonly ComparedWorkload[]
  readonly programs: Readonly<Record<Side, PeerProgram>>
  readonly pairs: number
  readonly seconds: number
  readonly progress: (metrics: readonly Metric[]) => Progress
}

interface OpenCase extends ComparedCase {
  readonly pairs: PairValues[]
  readonly failures: string[]
}

/**
 * Measures every case of every workload, pair after pair. Each pair starts its relays anew: how V8 compiles one process and how its
 * heap grows is a part of what varies, for the control as for the rest.
 */
export async function compareRelays(options: ComparisonOptions): Promise<readonly ComparedCase[]> {
  const { workloads, pairs } = options
  const results = workloads.flatMap(({ id, name, cases, metrics, judged }) =>
    cases.map((one): OpenCase => {
      const judgedMetrics = metrics.filter((metric) => judged.includes(metric.id))
      const title = `${name}, ${one.name}`
      return { workload: id, case: one.id, name: title, metrics: judgedMetrics, pairs: [], failures: [] }
    }),
  )
  const startedAt = performance.now()
  for (let pair = 0; pair < pairs; pair++) {
    const minutesLeft = ((performance.now() - startedAt) / 60_000 / pair) * (pairs - pair)
    const title = `pair ${pair + 1} of ${pairs}${pair > 0 ? ` (${Math.ceil(minutesLeft)} min left)` : ''}`
    for (const workload of workloads) {
      const cases = results.filter((result) => result.workload === workload.id)
      try {
        await measurePair(workload, cases, pair, title, options)
      } catch (error) {
        for (const { failures } of cases) failures.push(`pair ${pair + 1}: ${(error as Error).message}`)
      }
    }
  }
  return results
}

async function measurePair(
  workload: ComparedWorkload,
  cases: readonly OpenCase[],
  pair: number,
  title: string,
  { programs, seconds, progress }: ComparisonOptions,
): Promise<void> {
  const order = pairOrder(pair)
  const tell = progress(workload.metrics)
  const inOrder = order.map((side) => programs[side])
  const opened = await workload.open({ rounds: 1, seconds, peers: undefined, programs: inOrder })
  try {
    for (const result of cases) {
      const values: Partial<Record<Side, Values>> = {}
      for (const side of order) {
        const fail = (message: string): number =>
          result.failures.push(`pair ${pair + 1}, ${side}: ${message}`)
        const text = `${title}, ${workload.id} ${result.case}: ${side}`
        tell(text)
        try {
          const measured = await measureSide(opened, side, result.case)
          values[side] = measured
          if (measured.failed) fail(`${measured.failed} connections failed`)
        } catch (error) {
          fail((error as Error).message)
        }
        tell(text, values[side] ?? {})
      }
      result.pairs.push(values)
    }
  } finally {
    await opened.close()
  }
}

async function measureSide(opened: OpenWorkload, side: Side, testCase: string): Promise<Values> {
  const missing = opened.subjects.find(({ id }) => id === side)?.missing
  if (missing !== undefined) throw new Error(missing)
  await opened.warmUp?.(side, testCase)
  return await opened.measure(side, testCase)
}
