import { PoolError } from './errors.js'

/** What a pool's `create` is given. */
export interface CreateContext {
  /** Aborted when the pool closes or `createTimeoutMs` is over, never because a borrower left. */
  readonly signal: AbortSignal
}

/**
 * One bounded creation: ends when `create` does, after `timeoutMs` (0 disables), or when the controller that is put into `running`
 * is aborted. An item that comes after that is handed to `onLate`: nobody else knows of it.
 */
export function createItem<T>(
  create: (context: CreateContext) => Promise<T>,
  timeoutMs: number,
  running: Set<AbortController>,
  onLate: (item: T) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const controller = new AbortController()
    const { signal } = controller
    running.add(controller)
    const timer =
      timeoutMs > 0
        ? setTimeout(() => {
            controller.abort(
              new PoolError('ERR_POOL_CREATE_TIMEOUT', `No item was created within ${timeoutMs} ms`),
            )
          }, timeoutMs)
        : undefined
    const stop = (): void => {
      clearTimeout(timer)
      running.delete(controller)
    }
    signal.addEventListener(
      'abort',
      () => {
        stop()
        reject(signal.reason)
      },
      { once: true },
    )
    // An async function, so that a create that throws fails like one that rejects.
    const created = (async () => create({ signal }))()
    created.then(
      (item) => {
        stop()
        if (signal.aborted) onLate(item)
        else resolve(item)
      },
      (error: unknown) => {
        stop()
        reject(error)
      },
    )
  })
}
