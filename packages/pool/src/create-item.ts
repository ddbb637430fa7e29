import { Cancellation } from '@relay/core/connector'
import { PoolError } from './errors.js'
import type { LinkedList } from './linked-list.js'

/** What a pool's `create` is given. */
export interface CreateContext {
  /** Aborted when the pool closes or `createTimeoutMs` is over, never because a borrower left. */
  readonly signal: AbortSignal
}

/** The same, for those who are content with less than an `AbortSignal`: that one is made when it is asked for. */
export interface Creation extends CreateContext {
  readonly cancellation: Cancellation
}

/**
 * One bounded creation: ends when `create` does, after `timeoutMs` (0 disables), or when what is put into `running` is cancelled. An
 * item that comes after that is handed to `onLate`: nobody else knows of it.
 */
export function createItem<T>(
  create: (context: Creation) => Promise<T>,
  timeoutMs: number,
  running: LinkedList<Cancellation>,
  onLate: (item: T) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancellation = new Cancellation()
    const creation: Creation = {
      cancellation,
      // Its own, so that a copy of the context has it, too.
      get signal() {
        return cancellation.signal
      },
    }
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
    // An async function, so that a create that throws fails like one that rejects.
    const created = (async () => create(creation))()
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
