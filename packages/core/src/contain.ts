/** Calls what somebody else wrote: what it throws must harm nobody else, and must not go unseen. */
export function contain(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}
