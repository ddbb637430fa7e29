import { Cancellation, LazySignal } from '@relay/core/connector'
import { PoolError } from './errors.js'
import type { LinkedList } from './linked-list.js'

/** What a pool's `create` is given. */
export interface CreateContext {
  /** Aborted when the pool closes or `createTimeoutMs` is over, never because a borrower left. */
  readonly signal: AbortSignal
}

/** Has, for a `create` that is content with less than an `AbortSignal`, what calls the creation off. */
export class Creation extends LazySignal implements CreateContext {
  readonly #cancellation: Cancellation

  constructor(cancellation: Cancellation) {
    super(() => cancellation.signal)
    this.#cancellation = cancellation
  }

  static cancellationOf(context: CreateContext): Cancellation {
    return (context as Creation).#cancellation
  }
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
    // An async function, so that a create that throws fails like one that rejects.
    const created = (async () => create(new Creation(cancellation)))()
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
