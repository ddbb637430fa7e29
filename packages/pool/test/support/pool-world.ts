import { getEventListeners } from 'node:events'
import { expect, vi } from 'vitest'
import { Pool, type PoolLease, type PoolOptions, type PoolStats } from '../../src/index.js'
import { type Deferred, deferred } from './deferred.js'
import { type Outcome, watch } from './outcome.js'
import { turn } from './turn.js'

export interface WorldItem {
  readonly id: number
}

/** What the world's callbacks do beside their duty. */
interface Mischief {
  /** Each n-th call of create, check or destroy throws at once; 0 none. */
  readonly throwEvery: number
  /** Each n-th calls the pool back: borrow, tryBorrow, evict and release in turn; 0 none. */
  readonly reenterEvery: number
}

export interface WorldShape extends Mischief {
  readonly options: Partial<PoolOptions<WorldItem>> & { readonly max: number; readonly maxDialing: number }
  /** An async check, a check that answers at once, or none. */
  readonly check: 'later' | 'now' | 'none'
  readonly destroyLater: boolean
}

export interface Borrow {
  readonly number: number
  readonly fresh: boolean
  readonly abort: AbortController
  readonly outcome: Outcome<PoolLease<WorldItem>>
  /** Whether its outcome has been looked at. */
  seen: boolean
}

interface Pending<T> extends Deferred<T> {
  readonly item?: WorldItem
  signal?: AbortSignal
}

const BACKOFF = { baseMs: 50, maxMs: 400 }

/**
 * A pool whose create, check, destroy and clock are in the hands of a test, with a ledger of its own: after each step `verify()`
 * holds the pool to the invariants of a pool.
 */
export class PoolWorld {
  readonly pool: Pool<WorldItem>
  readonly shape: WorldShape
  readonly items: WorldItem[] = []
  readonly creations: Pending<WorldItem>[] = []
  readonly checks: Pending<boolean>[] = []
  readonly destroys: Pending<void>[] = []
  readonly borrows: Borrow[] = []
  readonly live = new Set<PoolLease<WorldItem>>()
  readonly dead: PoolLease<WorldItem>[] = []
  readonly ended = new Map<WorldItem, string>()
  readonly detached = new Set<WorldItem>()
  readonly evicted = new Set<WorldItem>()
  closed: Outcome<void> | undefined
  readonly #wrongs: string[] = []
  #calls = 0
  #failures = 0
  #pausedUntil = 0

  constructor(shape: WorldShape) {
    this.shape = shape
    const check = (item: WorldItem): boolean | Promise<boolean> => {
      this.#mischief()
      if (shape.check === 'now') return this.#calls % 3 !== 0
      return this.#later(this.checks, item)
    }
    this.pool = new Pool<WorldItem>({
      ...shape.options,
      backoff: BACKOFF,
      random: () => 1,
      create: ({ signal }) => this.#create(signal),
      destroy: (item, reason) => this.#destroy(item, reason),
      ...(shape.check === 'none'
        ? {}
        : { check, checkNow: (item: WorldItem) => [true, false, undefined][item.id % 3] }),
    })
  }

  borrow(fresh: boolean, timeoutMs: number): void {
    const abort = new AbortController()
    const outcome = watch(this.pool.borrow({ fresh, timeoutMs, signal: abort.signal }))
    this.borrows.push({ number: this.borrows.length, fresh, abort, outcome, seen: false })
  }

  tryBorrow(): void {
    const lease = this.pool.tryBorrow()
    if (lease !== undefined) this.#take(lease)
  }

  /** Ends a live lease in one of three ways. */
  end(index: number, how: 'release' | 'discard' | 'detach'): void {
    const lease = pick([...this.live], index)
    if (lease === undefined) return
    this.live.delete(lease)
    this.dead.push(lease)
    if (how === 'detach') this.detached.add(lease.item)
    lease[how]()
  }

  /** Calls on a lease that has ended. */
  endAgain(index: number, how: 'release' | 'discard' | 'detach'): void {
    const lease = pick(this.dead, index)
    if (lease === undefined) return
    if (how === 'detach') expect(() => lease.detach()).toThrow()
    else lease[how]()
  }

  evict(index: number): void {
    const item = pick(this.items, index)
    if (item !== undefined && this.pool.evict(item, 'dead')) this.evicted.add(item)
  }

  /** Lets everything that was due happen, then holds the pool to its invariants. */
  async verify(): Promise<void> {
    await turn()
    await turn()
    this.#collect()
    expect(this.#wrongs).toEqual([])
    const stats = this.pool.stats()
    this.#verifyCounts(stats)
    this.#verifyLeases()
    if (this.closed === undefined) this.#verifyProgress(stats)
  }

  /** Ends everything: nothing may be left over. */
  async finish(): Promise<void> {
    while (this.live.size > 0) this.end(0, 'release')
    this.closed ??= watch(this.pool.close())
    await this.verify()
    while (this.live.size > 0) this.end(0, 'discard')
    for (const { resolve } of this.destroys.splice(0)) resolve()
    await turn()
    // Creations that were given up: whatever they still make is destroyed.
    for (const creation of this.creations.splice(0)) creation.resolve(this.#item())
    for (const { resolve } of this.checks.splice(0)) resolve(true)
    await turn()
    for (const { resolve } of this.destroys.splice(0)) resolve()
    await vi.advanceTimersByTimeAsync(20_000)
    await turn()
    this.#collect()
    expect(this.live.size).toBe(0)
    expect(this.#wrongs).toEqual([])
    expect(this.closed.state).toBe('fulfilled')
    for (const { outcome, abort } of this.borrows) {
      expect(outcome.settledTimes).toBe(1)
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    }
    for (const item of this.items)
      expect(Number(this.ended.has(item)) + Number(this.detached.has(item))).toBe(1)
    const { total, waiting, closing, borrows, hits, misses, timeouts, aborted, failed, refused } =
      this.pool.stats()
    expect({ total, waiting, closing }).toEqual({ total: 0, waiting: 0, closing: 0 })
    expect(borrows).toBe(hits + misses + timeouts + aborted + failed + refused)
    expect(vi.getTimerCount()).toBe(0)
  }

  #create(signal: AbortSignal): Promise<WorldItem> {
    this.#attemptIsAllowed()
    const creation: Pending<WorldItem> = { ...deferred<WorldItem>(), signal }
    const done = (): void => {
      const at = this.creations.indexOf(creation)
      if (at >= 0) this.creations.splice(at, 1)
    }
    this.creations.push(creation)
    signal.addEventListener('abort', () => this.#failed(), { once: true })
    creation.promise.then(done, done)
    try {
      this.#mischief()
    } catch (error) {
      done()
      this.#failed()
      throw error
    }
    return creation.promise
  }

  resolveCreate(index: number): void {
    const creation = pick(this.creations, index)
    if (creation === undefined) return
    if (!creation.signal?.aborted) {
      this.#failures = 0
      this.#pausedUntil = 0
    }
    this.creations.splice(this.creations.indexOf(creation), 1)
    creation.resolve(this.#item())
  }

  rejectCreate(index: number): void {
    const creation = pick(this.creations, index)
    if (creation === undefined) return
    if (!creation.signal?.aborted) this.#failed()
    this.creations.splice(this.creations.indexOf(creation), 1)
    creation.reject(new Error('refused'))
  }

  settleCheck(index: number, how: boolean | 'reject'): void {
    const check = pick(this.checks, index)
    if (check === undefined) return
    this.checks.splice(this.checks.indexOf(check), 1)
    if (how === 'reject') check.reject(new Error('check'))
    else check.resolve(how)
  }

  settleDestroy(index: number, how: 'resolve' | 'reject'): void {
    const destroy = pick(this.destroys, index)
    if (destroy === undefined) return
    this.destroys.splice(this.destroys.indexOf(destroy), 1)
    if (how === 'reject') destroy.reject(new Error('destroy'))
    else destroy.resolve()
  }

  #item(): WorldItem {
    const item = { id: this.items.length }
    this.items.push(item)
    return item
  }

  #destroy(item: WorldItem, reason: string): void | Promise<void> {
    // 6: each item ends exactly once.
    this.#must(!this.ended.has(item) && !this.detached.has(item), `item ${item.id} ends twice`)
    this.#must(
      ![...this.live].some((lease) => lease.item === item),
      `item ${item.id} is destroyed while lent`,
    )
    this.ended.set(item, reason)
    this.#mischief()
    return this.shape.destroyLater ? this.#later(this.destroys, item) : undefined
  }

  #later<T>(list: Pending<T>[], item: WorldItem): Promise<T> {
    const later = { ...deferred<T>(), item }
    list.push(later)
    return later.promise
  }

  /** 13: callbacks that throw or call back. */
  #mischief(): void {
    this.#calls += 1
    const { throwEvery, reenterEvery } = this.shape
    if (reenterEvery > 0 && this.#calls % reenterEvery === 0 && this.closed === undefined) this.#reenter()
    if (throwEvery > 0 && this.#calls % throwEvery === 0) throw new Error('mischief')
  }

  #reenter(): void {
    const n = this.#calls
    if (n % 4 === 0) this.borrow(n % 8 === 0, 30)
    else if (n % 4 === 1) this.tryBorrow()
    else if (n % 4 === 2) this.evict(n)
    else this.end(n, 'release')
  }

  #attemptIsAllowed(): void {
    // 8: no creation in the pause after a failure, one at a time until the next success, and never above maxDialing.
    this.#must(performance.now() >= this.#pausedUntil, 'a creation in the pause')
    const underWay = this.creations.filter(({ signal }) => !signal?.aborted).length
    this.#must(
      underWay < (this.#failures > 0 ? 1 : this.shape.options.maxDialing),
      'too many creations at once',
    )
  }

  /** The pool learns of it some microtasks later: what starts in between is no fault. */
  #failed(): void {
    const at = performance.now()
    void turns(10).then(() => this.#pause(at))
  }

  #pause(at: number): void {
    if (at < this.#pausedUntil) return
    this.#pausedUntil = at + Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** this.#failures)
    this.#failures += 1
  }

  /** The pool contains what callbacks throw: what is wrong inside one is kept for the next `verify()`. */
  #must(holds: boolean, what: string): void {
    if (!holds) this.#wrongs.push(what)
  }

  #take(lease: PoolLease<WorldItem>): void {
    // 2 and 9: one owner, and nothing that has ended or was evicted.
    this.#must(
      ![...this.live].some(({ item }) => item === lease.item),
      `item ${lease.item.id} has two owners`,
    )
    const gone = this.ended.has(lease.item) || this.detached.has(lease.item) || this.evicted.has(lease.item)
    this.#must(!gone, `item ${lease.item.id} is lent after its end`)
    this.live.add(lease)
  }

  #collect(): void {
    const served = this.borrows.filter(({ outcome, seen }) => !seen && outcome.state === 'fulfilled')
    for (const borrow of served) {
      const lease = borrow.outcome.value
      if (lease === undefined) continue
      borrow.seen = true
      this.#take(lease)
      if (borrow.fresh) expect(lease).toMatchObject({ origin: 'created', uses: 1 })
      // 5: nobody who came before, and could have used it, still waits.
      const passed = this.borrows.filter(
        (other) =>
          other.number < borrow.number &&
          other.outcome.state === 'pending' &&
          (other.fresh === borrow.fresh || (other.fresh ? lease.origin === 'created' : true)),
      )
      expect(passed.map(({ number }) => number)).toEqual([])
    }
  }

  #verifyCounts(stats: PoolStats): void {
    // 1: what the pool says it has is what there is.
    const { idle, checking, leased, dialing, closing, waiting, total, max } = stats
    expect(total).toBe(idle + checking + leased + dialing + closing)
    expect(total).toBeLessThanOrEqual(max)
    expect(dialing).toBe(this.creations.filter(({ signal }) => !signal?.aborted).length)
    expect(leased).toBe(this.live.size)
    expect(idle).toBeLessThanOrEqual(this.shape.options.maxIdle ?? 100)
    const open = this.items.filter((item) => !this.ended.has(item) && !this.detached.has(item))
    expect(idle + checking + leased).toBe(open.length)
    expect(waiting).toBe(this.borrows.filter(({ outcome }) => outcome.state === 'pending').length)
  }

  #verifyLeases(): void {
    for (const { outcome, abort } of this.borrows) {
      // 4 and 7: settled at most once, and then no listener.
      expect(outcome.settledTimes).toBeLessThanOrEqual(1)
      const listeners = outcome.state === 'pending' ? 1 : 0
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(listeners)
    }
    for (const { item } of this.live) expect(this.ended.has(item)).toBe(false)
  }

  /** 3 and 11: whoever waits has something under way, or there is a reason. */
  #verifyProgress({ idle, checking, dialing, closing, total, max }: PoolStats): void {
    const pending = this.borrows.filter(({ outcome }) => outcome.state === 'pending')
    const fresh = pending.filter((borrow) => borrow.fresh).length
    const any = pending.length - fresh
    if (pending.length === 0) return
    if (any > checking) expect(idle, 'an idle item while somebody waits').toBe(0)
    if (fresh > 0 && any === 0 && total === max && dialing + closing < fresh) {
      expect(idle, 'idle items in the way of a fresh one').toBe(0)
    }
    const covered = Math.min(checking, any) + dialing
    const paused = performance.now() < this.#pausedUntil
    const probing = this.#failures > 0 && dialing > 0
    const excused = total === max || dialing === this.shape.options.maxDialing || paused || probing
    if (!excused) expect(covered, 'somebody waits for nothing').toBeGreaterThanOrEqual(pending.length)
  }
}

async function turns(microtasks: number): Promise<void> {
  for (let n = 0; n < microtasks; n += 1) await undefined
}

function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(1, list.length)]
}
