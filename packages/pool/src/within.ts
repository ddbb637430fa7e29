/**
 * Calls back once: with true when the promise resolves to `true`, with false when it ends in any other way or takes longer than
 * `limitMs` (0 disables). Returns what calls that off.
 *
 * The timer is ref'd: what waits for this must not see the process end first.
 */
export function within(
  promise: PromiseLike<unknown>,
  limitMs: number,
  done: (ok: boolean) => void,
): () => void {
  let over = false
  const callOff = (): void => {
    over = true
    clearTimeout(timer)
  }
  const settle = (ok: boolean): void => {
    if (over) return
    callOff()
    done(ok)
  }
  const timer = limitMs > 0 ? setTimeout(settle, limitMs, false) : undefined
  // One of another make may throw at whoever calls it, or call back twice: one of ours stands before it.
  const own = promise instanceof Promise ? promise : new Promise((resolve) => resolve(promise))
  own.then(
    (value) => settle(value === true),
    () => settle(false),
  )
  return callOff
}
