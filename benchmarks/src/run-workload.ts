import { rotated } from './statistics.js'
import type { Case, Conduct, Metric, OpenWorkload, Settings, Subject, Values, Workload } from './workload.js'

/** Every value that one subject had in one case, by metric, in the order of the rounds. */
interface Series {
  readonly subject: string
  readonly case: string
  readonly values: Readonly<Record<string, readonly number[]>>
  /** Why a round has no values. */
  readonly failures: readonly string[]
}

export interface WorkloadResult {
  readonly id: string
  readonly name: string
  readonly cases: readonly Case[]
  readonly metrics: readonly Metric[]
  readonly subjects: readonly Subject[]
  readonly series: readonly Series[]
  readonly conduct?: Conduct
  /** Why nothing was measured, when nothing was. */
  readonly missing?: string
}

/** Told before each measurement, and after it with its values. */
export type Progress = (text: string, values?: Values) => void

/**
 * Gives every subject the same work in turn, round after round: what disturbs the machine for a while disturbs all of them. Each
 * round begins with another subject.
 */
export async function runWorkload(
  workload: Workload,
  settings: Settings,
  progress: Progress,
): Promise<WorkloadResult> {
  const { id, name, cases, metrics } = workload
  const opened = await open(workload, settings)
  if (typeof opened === 'string') {
    return { id, name, cases, metrics, subjects: [], series: [], missing: opened }
  }
  const { subjects } = opened
  const present = subjects.filter(({ missing }) => missing === undefined)
  const results = new Map<string, { values: Record<string, number[]>; failures: string[] }>()
  const rounds = Math.min(settings.rounds, workload.maxRounds ?? Number.POSITIVE_INFINITY)
  let conduct: Conduct | undefined
  try {
    for (let round = 0; round < rounds; round++) {
      for (const testCase of cases) {
        for (const subject of rotated(present, round)) {
          if (subject.skips?.[testCase.id] !== undefined) continue
          const key = `${testCase.id} ${subject.id}`
          const result = results.get(key) ?? { values: {}, failures: [] }
          results.set(key, result)
          const text = `${id} ${testCase.id}, round ${round + 1} of ${rounds}: ${subject.id}`
          progress(text)
          if (round === 0) await opened.warmUp?.(subject.id, testCase.id).catch(() => {})
          const values = await opened.measure(subject.id, testCase.id).catch((error: Error) => {
            result.failures.push(error.message)
            return {}
          })
          for (const [metric, value] of Object.entries(values)) {
            result.values[metric] = [...(result.values[metric] ?? []), value]
          }
          progress(text, values)
        }
      }
    }
    conduct = await opened.conduct?.()
  } finally {
    await opened.close()
  }
  const series = [...results].map(([key, result]) => {
    const [testCase, subject] = key.split(' ') as [string, string]
    return { subject, case: testCase, ...result }
  })
  return { id, name, cases, metrics, subjects, series, ...(conduct && { conduct }) }
}

function open(workload: Workload, settings: Settings): Promise<OpenWorkload | string> {
  return workload.open(settings).catch((error: Error) => error.message)
}
