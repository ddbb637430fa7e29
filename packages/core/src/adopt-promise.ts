/** Whether a value is a promise; then its rejection is heard by `onRejected`, so that it is not the process's. */
export function adoptPromise(value: unknown, onRejected: (error: unknown) => void = () => {}): boolean {
  if (!isThenable(value)) return false
  Promise.resolve(value).catch(onRejected)
  return true
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    return 'then' in value && typeof value.then === 'function'
  } catch {
    // A getter that throws: await would reject by it.
    return false
  }
}
