/** Calls what somebody else wrote: what it throws, or rejects with, must harm nobody else, and must not go unseen. */
export function contain(callback: () => unknown): void {
  try {
    const outcome = callback()
    if (outcome instanceof Promise) outcome.catch(warn)
  } catch (error) {
    warn(error)
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
