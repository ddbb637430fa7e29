import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { channelsAreFree } from './record.js'

/** What the process has open and who listens to it, counted by kind. */
type Counts = Readonly<Record<string, number>>

const SOON_MS = 5_000

/** The process as it was before a run; it must be so again behind it. Runs follow one another, for what is left over is to be told apart. */
export class Baseline {
  readonly #before: Counts
  readonly #complaints: string[] = []
  readonly #onWarning = (warning: Error): void => void this.#complaints.push(`a warning: ${warning.stack}`)
  readonly #onError = (error: unknown): void => void this.#complaints.push(`an uncaught error: ${error}`)

  constructor() {
    process.on('warning', this.#onWarning)
    process.on('uncaughtExceptionMonitor', this.#onError)
    process.on('unhandledRejection', this.#onError)
    this.#before = count()
  }

  /** What is more than before, a little later; and what warned or threw meanwhile. */
  async end(): Promise<string[]> {
    const deadline = performance.now() + SOON_MS
    let left = this.#surplus()
    while (left.length > 0 && performance.now() < deadline) {
      await sleep(2)
      left = this.#surplus()
    }
    process.off('warning', this.#onWarning)
    process.off('uncaughtExceptionMonitor', this.#onError)
    process.off('unhandledRejection', this.#onError)
    return [...left, ...this.#complaints]
  }

  #surplus(): string[] {
    const now = count()
    return Object.entries(now).flatMap(([kind, number]) => {
      const before = this.#before[kind] ?? 0
      return number > before ? [`${kind}: ${before} before, ${number} now`] : []
    })
  }
}

function count(): Counts {
  const counts: Record<string, number> = {}
  const add = (kind: string, number = 1): void => {
    counts[kind] = (counts[kind] ?? 0) + number
  }
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      add(`descriptors of ${readlinkSync(`/proc/self/fd/${fd}`).replace(/:.*/, '')}`)
    } catch {
      // That of the directory itself.
    }
  }
  for (const kind of process.getActiveResourcesInfo()) add(`active ${kind}`)
  for (const event of process.eventNames()) {
    add(`process listeners of ${String(event)}`, process.listenerCount(event))
  }
  if (!channelsAreFree()) add('subscribed channels')
  return counts
}
