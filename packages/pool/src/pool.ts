import { errorText } from '@relay/core/connector'
import { boolean, checkOptions, checkValue, count, func, milliseconds } from '@relay/core/options'
import { Creations } from './creations.js'
import { Dispatcher } from './dispatcher.js'
import { PoolError } from './errors.js'
import { type Entry, ItemStore } from './item-store.js'
import { type EvictionReason, Lease, type LeaseOrigin, type LeaseOwner, type PoolLease } from './lease.js'
import { type PoolOptions, type ResolvedPoolOptions, resolvePoolOptions } from './pool-options.js'
import { PoolCounters, type PoolStats } from './pool-stats.js'
import { type WaitOptions, waitOptionChecks } from './waiter.js'
import { WaitingLine } from './waiting-line.js'

export interface BorrowOptions extends WaitOptions {
  /**
   * How long to wait; 0 for ever.
   * @default `borrowTimeoutMs` of the pool
   */
  readonly timeoutMs?: number | undefined
  /**
   * Take a new item only, none that was idle or lent before.
   * @default false
   */
  readonly fresh?: boolean | undefined
}

export interface PoolCloseOptions {
  /**
   * How long to wait for what is lent; 0 not at all.
   * @default 10_000
   */
  readonly graceMs?: number | undefined
}

export interface PrewarmResult {
  /** Items created meanwhile. */
  readonly opened: number
  readonly errors: readonly unknown[]
}

const borrowChecks = { ...waitOptionChecks, fresh: boolean }
const closeChecks = { graceMs: milliseconds }
const NO_OPTIONS: BorrowOptions = {}

/**
 * A pool of things that are costly to open. It knows nothing of what they are.
 *
 * ```
 *   create ───────▶ ┌──────────┐
 *   release ──────▶ │ in line? │ ──somebody──▶ lent ──▶ release, discard or detach
 *   check passed ─▶ └──────────┘                ▲
 *                        │ nobody               │ borrow
 *                        ▼                      │
 *                      idle ────────────────────┘
 *                        │ overflow, age, evict
 *                        ▼
 *                    destroyed
 * ```
 * Idle items lie in a channel: a borrow receives, a release sends or discards. A borrower who finds none waits in line, and whatever
 * comes first serves the oldest: a release, a creation, a check that passed. Each has one creation or check of its own begun, so
 * that a hung one holds nobody else up; what it makes too late is kept for the next.
 *
 * **Ends** by `close()`.
 */
export class Pool<T extends object> implements AsyncDisposable {
  readonly #options: ResolvedPoolOptions<T>
  readonly #counters = new PoolCounters()
  readonly #line = new WaitingLine<PoolLease<T>>()
  readonly #store: ItemStore<T>
  readonly #creations: Creations<T>
  readonly #dispatcher: Dispatcher<T>
  readonly #owner: LeaseOwner<Entry<T>>
  #closed: Promise<void> | undefined
  #onQuiet = (): void => {}

  constructor(options: PoolOptions<T>) {
    this.#options = resolvePoolOptions(options)
    this.#store = new ItemStore<T>(
      this.#options,
      this.#counters,
      (entry) => this.#deliver(entry, originOf(entry)),
      () => this.#changed(),
    )
    this.#creations = new Creations<T>(this.#options, {
      claim: () => this.#dispatcher.claim(),
      created: (item) => {
        const entry = this.#store.admit(item)
        // One made ahead must not overtake those that were, and are under a check for the borrowers in line.
        const wanted = this.#line.any > this.#store.checking || this.#line.fresh > 0
        if (wanted) this.#deliver(entry, 'created')
        else this.#store.keep(entry)
        this.#changed()
      },
      failed: (error) => this.#creationFailed(error),
      late: (item) => this.#store.destroyLate(item),
      resumed: () => this.#changed(),
    })
    this.#dispatcher = new Dispatcher<T>(this.#options, this.#line, this.#store, this.#creations, () =>
      this.#checkNext(),
    )
    this.#owner = {
      release: (entry) => this.#giveBack(entry),
      discard: (entry, reason) => this.#store.destroy(entry, reason),
      detach: (entry) => this.#store.detach(entry),
      late: () => {
        this.#counters.lateCalls += 1
      },
    }
    // Not now: a `prewarm` function may speak of the pool.
    queueMicrotask(() => this.#changed())
  }

  /**
   * Lends an idle item that passes the check, or else waits in line for whatever comes first: a release, or a creation begun for it.
   *
   * **Fails** with `ERR_POOL_TIMEOUT`, `ERR_POOL_MAX_WAITERS`, `ERR_POOL_CLOSED`, or `ERR_POOL_CREATE_FAILED` (with its cause) when
   * a creation failed and no other one is under way for it. **Cancels** by `signal`; the creation goes on and feeds the pool.
   */
  borrow(options: BorrowOptions = NO_OPTIONS): Promise<PoolLease<T>> {
    // No async function: each would be one more promise, and one more turn of the microtasks, for every borrower.
    try {
      return this.#borrow(options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #borrow(options: BorrowOptions): Promise<PoolLease<T>> {
    if (options !== NO_OPTIONS) checkOptions('Pool.borrow', options, borrowChecks)
    const { signal, fresh = false } = options
    this.#counters.borrows += 1
    if (signal?.aborted) {
      this.#counters.aborted += 1
      throw signal.reason
    }
    const taken = fresh || this.#line.any > 0 || this.#closed !== undefined ? undefined : this.#takeIdle()
    if (taken !== undefined && taken !== 'checking') return Promise.resolve(taken)
    return this.#wait(options, fresh, taken === 'checking')
  }

  /** Lends an idle item if one may be lent now, past nobody who waits. */
  tryBorrow(): PoolLease<T> | undefined {
    const entry = this.#line.any > 0 || this.#closed !== undefined ? undefined : this.#store.nextNow()
    if (entry === undefined) return undefined
    this.#counters.borrows += 1
    return this.#lend(entry, originOf(entry))
  }

  /** Borrows for the time of a function: releases when it returns, discards when it throws, leaves alone a lease that it ended. */
  async use<R>(use: (item: T, lease: PoolLease<T>) => R | Promise<R>, options?: BorrowOptions): Promise<R> {
    checkValue('Pool.use', 'use', use, func)
    const lease = await this.borrow(options)
    try {
      const result = await use(lease.item, lease)
      if (!lease.ended) lease.release()
      return result
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /** Destroys an item that is idle or under a check; false when it is lent or not here. */
  evict(item: T, reason: EvictionReason = 'evicted'): boolean {
    return this.#store.evict(item, reason)
  }

  /** The idle items, in the order of their creation. */
  idleItems(): T[] {
    return this.#store.idleItems()
  }

  /**
   * Opens what is missing to `n` idle items (default: the `prewarm` option), as far as `max` and `maxIdle` allow.
   *
   * **Ends** when nothing is missing or under way, or with the first failure, which also says why nothing was tried. **Fails** with `ERR_POOL_CLOSED` only.
   */
  async prewarm(n?: number): Promise<PrewarmResult> {
    if (n !== undefined) checkValue('Pool.prewarm', 'n', n, count)
    if (this.#closed !== undefined) throw closedError()
    const before = this.#counters.created
    const errors = await this.#dispatcher.open(n)
    return Object.freeze({ opened: this.#counters.created - before, errors: Object.freeze(errors) })
  }

  stats(): PoolStats {
    const { idle, checking, leased, closing } = this.#store
    return Object.freeze({
      ...this.#counters,
      closed: Object.freeze({ ...this.#counters.closed }),
      idle,
      checking,
      leased,
      dialing: this.#creations.running,
      closing,
      waiting: this.#line.size,
      total: this.#options.max - this.#dispatcher.freeSlots,
      max: this.#options.max,
    })
  }

  /**
   * Refuses borrowers, fails those that wait with `ERR_POOL_CLOSED`, gives up creations and destroys what is not lent; what is
   * released later is destroyed then. Each call returns the same promise.
   *
   * **Ends** when all is destroyed, waiting no longer than `graceMs` for what is lent.
   */
  close(options: PoolCloseOptions = {}): Promise<void> {
    if (this.#closed !== undefined) return this.#closed
    try {
      checkOptions('Pool.close', options, closeChecks)
    } catch (error) {
      return Promise.reject(error)
    }
    // First, for what follows may call back.
    this.#closed = this.#quiet(options.graceMs ?? 10_000)
    while (this.#line.rejectNext(closedError())) {
      // Until nobody waits.
    }
    this.#creations.close(closedError())
    this.#store.close()
    this.#onQuiet()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The hit path: no promise, unless a check turns out to take time. */
  #takeIdle(): PoolLease<T> | 'checking' | undefined {
    for (let entry = this.#store.next(); entry !== undefined; entry = this.#store.next()) {
      const verdict = this.#store.inspect(entry)
      if (verdict === 'pending') return 'checking'
      if (verdict) return this.#lend(entry, originOf(entry))
    }
    return undefined
  }

  #wait(options: BorrowOptions, fresh: boolean, covered: boolean): Promise<PoolLease<T>> {
    const { maxWaiters, borrowTimeoutMs } = this.#options
    if (this.#closed !== undefined) return this.#refuse(closedError())
    if (maxWaiters > 0 && this.#line.size >= maxWaiters) {
      return this.#refuse(new PoolError('ERR_POOL_MAX_WAITERS', `${maxWaiters} borrowers wait already`))
    }
    const { signal, timeoutMs = borrowTimeoutMs } = options
    const lease = this.#line.wait(fresh, { signal, timeoutMs }, (error) =>
      this.#waitFailed(error, signal, timeoutMs),
    )
    // Even where creations under way would do: one of them may hang.
    if (!covered && (fresh || !this.#checkNext())) this.#dispatcher.owe()
    this.#changed()
    return lease
  }

  #waitFailed(error: unknown, signal: AbortSignal | undefined, timeoutMs: number): unknown {
    this.#creations.hold(this.#line.size > 0)
    const code = error instanceof PoolError ? error.code : undefined
    if (signal?.aborted && error === signal.reason) this.#counters.aborted += 1
    else if (code === 'ERR_POOL_CREATE_FAILED') this.#counters.failed += 1
    else if (code === 'ERR_POOL_CHANNEL_TIMEOUT') {
      this.#counters.timeouts += 1
      const { leased, dialing, closing, waiting, max } = this.stats()
      const state = `${leased} lent, ${dialing} opening, ${closing} closing of ${max}; ${waiting} more waiting`
      return new PoolError('ERR_POOL_TIMEOUT', `Nothing to lend within ${timeoutMs} ms (${state})`)
    } else this.#counters.refused += 1
    return error
  }

  #refuse(error: PoolError): never {
    this.#counters.refused += 1
    throw error
  }

  #lend(entry: Entry<T>, origin: LeaseOrigin): PoolLease<T> {
    entry.uses += 1
    if (origin === 'created') this.#counters.misses += 1
    else this.#counters.hits += 1
    // Later: whoever is handed this lease is still in line.
    if (this.#options.prewarm !== 0) queueMicrotask(() => this.#changed())
    return new Lease(this.#owner, entry, origin)
  }

  #giveBack(entry: Entry<T>): void {
    const { maxUses } = this.#options
    if (maxUses > 0 && entry.uses >= maxUses) this.#store.destroy(entry, 'max-uses')
    else if (this.#store.isOver(entry.endsAt)) this.#store.destroy(entry, 'max-lifetime')
    else if (this.#dispatcher.needsRoom) this.#store.destroy(entry, 'displaced')
    else if (this.#line.any === 0) this.#store.keep(entry)
    else if (this.#store.inspect(entry) === true) this.#deliver(entry, originOf(entry))
  }

  /** An item fit to be lent: to the oldest borrower who takes it, else to the idle ones. */
  #deliver(entry: Entry<T>, origin: LeaseOrigin): void {
    if (!this.#line.hand(origin === 'created', () => this.#lend(entry, origin))) this.#store.keep(entry)
  }

  /** Gives the line an idle item, if that passes its check; false when none is left. */
  #checkNext(): boolean {
    const entry = this.#store.next()
    if (entry === undefined) return false
    if (this.#store.inspect(entry) === true) this.#deliver(entry, originOf(entry))
    return true
  }

  #creationFailed(error: unknown): void {
    if (this.#closed === undefined) {
      this.#counters.createFailed += 1
      // Whoever can still be served by another creation or a check goes on waiting.
      if (this.#dispatcher.uncovered) {
        const message = `Could not create an item: ${errorText(error)}`
        this.#line.rejectNext(new PoolError('ERR_POOL_CREATE_FAILED', message, { cause: error }))
      }
    }
    this.#changed()
  }

  #changed(): void {
    if (this.#closed === undefined) this.#dispatcher.run()
    else this.#onQuiet()
  }

  /** Resolves once the closed pool holds nothing but leases that outlasted the grace. */
  #quiet(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      let graceOver = graceMs === 0
      const timer = graceOver
        ? undefined
        : setTimeout(() => {
            graceOver = true
            this.#onQuiet()
          }, graceMs)
      this.#onQuiet = () => {
        const { idle, checking, closing, leased } = this.#store
        if (idle + checking + closing + this.#creations.running > 0 || (leased > 0 && !graceOver)) return
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function originOf(entry: { readonly uses: number }): LeaseOrigin {
  return entry.uses === 0 ? 'prewarmed' : 'reused'
}

function closedError(): PoolError {
  return new PoolError('ERR_POOL_CLOSED', 'The pool is closed')
}
