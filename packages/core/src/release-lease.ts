import { ConnectionLease } from './connection-lease.js'
import { contain } from './contain.js'
import type { Lease } from './lease.js'

/** How long a session waits for `release()` of somebody else's lease. */
const RELEASE_TIMEOUT_MS = 5_000

/**
 * Releases a lease, whoever's it is. What it throws or rejects with is contained, and the lease discarded.
 *
 * @returns `whenReleased` resolves when that is over: at the latest after 5 s, which a warning says, or when `stopWaiting` is called; a
 * lease of ours has bounds of its own. It never rejects.
 */
export function release(lease: Lease): {
  readonly whenReleased: Promise<void>
  readonly stopWaiting: () => void
} {
  let stopWaiting = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    stopWaiting = resolve
  })
  const timer =
    lease instanceof ConnectionLease ? undefined : setTimeout(() => giveUp(stopWaiting), RELEASE_TIMEOUT_MS)
  const whenReleased = Promise.race([releaseOrDiscard(lease), stopped]).finally(() => clearTimeout(timer))
  return { whenReleased, stopWaiting }
}

async function releaseOrDiscard(lease: Lease): Promise<void> {
  try {
    await lease.release()
  } catch (error) {
    contain(() => {
      throw error
    })
    contain(() => lease.discard(error))
  }
}

function giveUp(stopWaiting: () => void): void {
  contain(() => {
    throw new Error(
      `release() of a lease has not settled within ${RELEASE_TIMEOUT_MS} ms: its session ends without it`,
    )
  })
  stopWaiting()
}
