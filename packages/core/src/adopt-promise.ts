/**
 * Whether a value is a promise, of whatever make; then what becomes of it is heard here, so that its rejection is not the process's.
 *
 * @param onValue - What it rejects with is told to `onRejected`, as its own rejection is.
 */
export function adoptPromise(
  value: unknown,
  onRejected: (error: unknown) => void = () => {},
  onValue: (value: unknown) => void = () => {},
): boolean {
  if (!isThenable(value)) return false
  // Not Promise.resolve(): that would ask a promise for its constructor, here.
  new Promise((resolve) => resolve(value)).then(onValue).catch(onRejected)
  return true
}

function isThenable(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  try {
    return typeof (value as Partial<PromiseLike<unknown>>).then === 'function'
  } catch {
    // A getter that throws: await would reject by it.
    return false
  }
}
