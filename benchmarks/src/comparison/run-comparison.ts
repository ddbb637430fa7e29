import type { Comparison } from '../arguments.js'
import { thisMachine } from '../machine.js'
import { relayProgram } from '../peers/relay-program.js'
import { progressLine } from '../progress-line.js'
import { repositoryFile } from '../repository-file.js'
import { openCheckout } from './checkout.js'
import { compareRelays } from './compare-relays.js'
import { comparedWorkloads } from './compared-workloads.js'
import type { ComparisonResult } from './comparison-result.js'
import { judgeMetric } from './judge-metric.js'

/** Measures the relay of this checkout beside that of another one. **Fails** when one of them is not built. */
export async function runComparison(
  { against, pairs, flags }: Comparison,
  { only, seconds }: { readonly only: readonly string[] | undefined; readonly seconds: number },
): Promise<ComparisonResult> {
  const [older, newer] = [openCheckout(against), openCheckout(repositoryFile('.'))]
  const startedAt = performance.now()
  const cases = await compareRelays({
    workloads: comparedWorkloads.filter(({ id }) => only === undefined || only.includes(id)),
    programs: {
      old: relayProgram('old', 'old', flags, older.file),
      new: relayProgram('new', 'new', flags, newer.file),
      control: relayProgram('control', 'old again', flags, older.file),
    },
    ...{ pairs, seconds, progress: progressLine },
  })
  return {
    ...{ format: 1, date: new Date().toISOString(), machine: thisMachine() },
    ...{ old: older, new: newer, flags, pairs, seconds },
    minutes: Math.round((performance.now() - startedAt) / 6_000) / 10,
    cases: cases.map((one) => ({
      ...one,
      judged: one.metrics.map((metric) => judgeMetric(metric, one.pairs)),
    })),
  }
}
