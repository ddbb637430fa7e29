import { adoptPromise } from './adopt-promise.js'
import { errorText } from './error-text.js'

/** Calls what somebody else wrote: what it throws, or rejects with, must harm nobody else, and must not go unseen. */
export function contain(callback: () => unknown): void {
  try {
    adoptPromise(callback(), warn)
  } catch (error) {
    warn(error)
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : errorText(error))
}
