/** A frozen picture of a pool: gauges of now, and counters since it was made. */
export interface PoolStats {
  /** Free to be lent. */
  readonly idle: number
  /** Under a `check`. */
  readonly checking: number
  readonly leased: number
  /** Creations under way. */
  readonly dialing: number
  /** Being destroyed. */
  readonly closing: number
  /** Borrowers that wait. */
  readonly waiting: number
  /** All that is open or opening: idle + checking + leased + dialing + closing. Never above `max`. */
  readonly total: number
  readonly max: number

  /** Leases asked for = hits + misses + timeouts + aborted + failed + refused + waiting. */
  readonly borrows: number
  /** Borrows served with an item that was open already. */
  readonly hits: number
  /** Borrows served with an item just created. */
  readonly misses: number
  /** Borrows that waited longer than their `timeoutMs`. */
  readonly timeouts: number
  /** Borrows given up by their signal. */
  readonly aborted: number
  /** Borrows that a failed creation failed. */
  readonly failed: number
  /** Borrows turned away: the pool closed or closing, or too many waiters. */
  readonly refused: number
  readonly created: number
  readonly createFailed: number
  readonly detached: number
  /** Destroyed items by reason. */
  readonly closed: Readonly<Record<string, number>>
  /** Calls on leases that had ended: each is a bug of the caller that did no harm. */
  readonly lateCalls: number
}

/** The counters of {@link PoolStats} while they count. */
export class PoolCounters {
  borrows = 0
  hits = 0
  misses = 0
  timeouts = 0
  aborted = 0
  failed = 0
  refused = 0
  created = 0
  createFailed = 0
  detached = 0
  lateCalls = 0
  readonly closed: Record<string, number> = Object.create(null) as Record<string, number>

  countClosed(reason: string): void {
    this.closed[reason] = (this.closed[reason] ?? 0) + 1
  }
}
