import { Failure } from './failure.js'
import type { Io, Signal } from './io.js'

// A terminal sends Ctrl-C to npm and to us, and npm sends it to us once more. No hand is this quick.
const ECHO_MS = 100

export interface StopSignals {
  /** The first signal: finish what is under way. */
  readonly first: Promise<Signal>
  /** Settles as `work` does, unless a second signal comes before: **fails** with the exit code of a killed process. */
  orForced<T>(work: Promise<T>): Promise<T>
}

/** Listens from now on, until `orForced` has settled. */
export function stopSignals(io: Pick<Io, 'onSignal'>): StopSignals {
  let onFirst: (signal: Signal) => void
  let onSecond: (failure: Failure) => void
  const first = new Promise<Signal>((resolve) => {
    onFirst = resolve
  })
  const forced = new Promise<never>((_, reject) => {
    onSecond = reject
  })
  forced.catch(() => {})

  let last: { signal: Signal; at: number } | undefined
  const off = io.onSignal((signal) => {
    const at = performance.now()
    const echo = last?.signal === signal && at - last.at < ECHO_MS
    if (last === undefined) onFirst(signal)
    else if (!echo) onSecond(new Failure(signal === 'SIGINT' ? 130 : 143))
    last = { signal, at }
  })
  return { first, orForced: (work) => Promise.race([work, forced]).finally(off) }
}
