/** What became of a promise, without waiting for it. */
export interface Outcome<T> {
  state: 'pending' | 'fulfilled' | 'rejected'
  value?: T
  error?: unknown
  settledTimes: number
}

export function watch<T>(promise: Promise<T>): Outcome<T> {
  const outcome: Outcome<T> = { state: 'pending', settledTimes: 0 }
  promise.then(
    (value) => {
      outcome.state = 'fulfilled'
      outcome.value = value
      outcome.settledTimes += 1
    },
    (error: unknown) => {
      outcome.state = 'rejected'
      outcome.error = error
      outcome.settledTimes += 1
    },
  )
  return outcome
}
