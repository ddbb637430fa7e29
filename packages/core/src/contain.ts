import { adoptPromise } from './adopt-promise.js'
import { shownError } from './error-text.js'

const contained = new WeakSet<object>()

/** Calls what somebody else wrote: what it throws, or rejects with, must harm nobody else, and must not go unseen. */
export function contain(callback: () => unknown): void {
  try {
    adoptPromise(callback(), warn)
  } catch (error) {
    warn(error)
  }
}

/** Whether a warning of the process is of something that was contained. */
export function wasContained(warning: object): boolean {
  return contained.has(warning)
}

function warn(error: unknown): void {
  // Node will ask it for its text, at a time when nobody catches what that throws.
  const warning = shownError(error)
  contained.add(warning)
  process.emitWarning(warning)
}
