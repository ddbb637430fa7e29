import { Cancellation } from '@relay/core/connector'
import { PoolError } from './errors.js'
import type { LinkedList } from './linked-list.js'

/** What a pool's `create` is given. */
export interface CreateContext {
  /** Aborted when the pool closes or `createTimeoutMs` is over, never because a borrower left. */
  readonly signal: AbortSignal
}

/**
 * One bounded creation: ends when `create` does, after `timeoutMs` (0 disables), or when what is put into `running` is cancelled. An
 * item that comes after that is handed to `onLate`: nobody else knows of it.
 */
export function createItem<T>(
  create: (context: CreateContext) => Promise<T>,
  timeoutMs: number,
  running: LinkedList<Cancellation>,
  onLate: (item: T) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancellation = new Cancellation()
    const node = running.push(cancellation)
    const timer =
      timeoutMs > 0
        ? setTimeout(() => {
            cancellation.cancel(
              new PoolError('ERR_POOL_CREATE_TIMEOUT', `No item was created within ${timeoutMs} ms`),
            )
          }, timeoutMs)
        : undefined
    const stop = (): void => {
      clearTimeout(timer)
      running.remove(node)
    }
    cancellation.addEventListener('abort', () => {
      stop()
      reject(cancellation.reason)
    })
    // An async function, so that a create that throws fails like one that rejects. No getter that makes the signal when it is asked
    // for: V8 allocates accessors as old, so that all that it sees, a connection, would be kept through every scavenge.
    const created = (async () => create({ signal: cancellation.signalFor(create) }))()
    created.then(
      (item) => {
        stop()
        if (cancellation.aborted) onLate(item)
        else resolve(item)
      },
      (error: unknown) => {
        stop()
        reject(error)
      },
    )
  })
}
