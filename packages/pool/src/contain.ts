/**
 * Calls a user's callback whose failure is not ours: what it throws, or what its promise rejects with, ends here.
 *
 * The state that it may look at or act upon again must be settled before the call.
 */
export function contain(callback: () => unknown): void {
  try {
    const result = callback()
    if (isThenable(result)) result.then(undefined, () => {})
  } catch {
    // Its own affair.
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
  } catch {
    // Its `then` throws when it is looked at: nobody can wait for it.
    return false
  }
}
