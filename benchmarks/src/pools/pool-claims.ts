import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { AdapterOptions, Item, MakePool } from './pool-adapter.js'

/** Something that a pool should hold to, whoever wrote it. */
export interface PoolClaim {
  readonly id: string
  readonly claim: string
  /** What was seen; starts with `yes` when the pool holds to it. */
  check(make: MakePool): Promise<string>
}

const SOON_MS = 300

const secondRelease: PoolClaim = {
  id: 'second-release',
  claim: 'a lease that is released twice gives nobody else’s item away',
  async check(make) {
    const pool = make(factory({ max: 2 }))
    const first = await pool.acquire()
    pool.release(first)
    await nextTurn()
    const second = await pool.acquire()
    pool.release(first)
    await nextTurn()
    const third = await soon(pool.acquire())
    if (third === undefined) return 'no: nobody is served any more'
    return pool.itemOf(second) === pool.itemOf(third) ? 'no: two owners of one item' : 'yes'
  },
}

const hungCreate: PoolClaim = {
  id: 'hung-create',
  claim: 'a creation that never ends gives its slot back',
  async check(make) {
    let calls = 0
    const create = (): Promise<Item> =>
      ++calls === 1 ? new Promise(() => {}) : Promise.resolve({ id: calls })
    const pool = make(factory({ max: 1, create, createTimeoutMs: 50, acquireTimeoutMs: 100 }))
    await pool.acquire().catch(() => {})
    const served = await soon(pool.acquire())
    return served === undefined ? 'no: the pool is dead for good' : 'yes'
  },
}

const failingCreate: PoolClaim = {
  id: 'failing-create',
  claim: 'a creation that fails at once is not tried in a hot loop',
  async check(make) {
    let calls = 0
    const create = async (): Promise<Item> => {
      calls++
      await nextTurn()
      throw new Error('refused')
    }
    const pool = make(factory({ max: 1, create, acquireTimeoutMs: 50 }))
    void pool.acquire().catch(() => {})
    await sleep(50)
    return calls <= 10 ? 'yes' : `no: ${calls} in 50 ms, for one borrower`
  },
}

const slowDestroy: PoolClaim = {
  id: 'slow-destroy',
  claim: 'never more than `max` open, those that are closing included',
  async check(make) {
    let live = 0
    let most = 0
    const create = async (): Promise<Item> => {
      live++
      most = Math.max(most, live)
      return { id: most }
    }
    const destroy = async (): Promise<void> => {
      await sleep(40)
      live--
    }
    const pool = make(factory({ max: 2, create, destroy }))
    const borrowAndDiscard = async (): Promise<void> => pool.discard(await pool.acquire())
    await soon(Promise.all(Array.from({ length: 10 }, borrowAndDiscard)))
    return most <= 2 ? 'yes' : `no: ${most} of 2`
  },
}

const lateWaiter: PoolClaim = {
  id: 'late-waiter',
  claim: 'a borrower who gave up takes no item with him',
  async check(make) {
    const pool = make(factory({ max: 1, acquireTimeoutMs: 30 }))
    const held = await pool.acquire()
    await pool.acquire().catch(() => {})
    pool.release(held)
    const served = await soon(pool.acquire())
    return served === undefined ? 'no: nobody is served any more' : 'yes'
  },
}

const unhandled: PoolClaim = {
  id: 'failing-destroy',
  claim: 'a destruction that fails late harms nobody',
  async check(make) {
    let escaped = 0
    const onUnhandled = (): void => {
      escaped++
    }
    process.on('unhandledRejection', onUnhandled)
    const destroy = async (): Promise<void> => {
      await sleep(20)
      throw new Error('late')
    }
    const pool = make(factory({ max: 1, destroy }))
    pool.discard(await pool.acquire())
    const served = await soon(pool.acquire())
    await sleep(60)
    process.off('unhandledRejection', onUnhandled)
    if (escaped > 0) return 'no: an unhandled rejection, which ends a process'
    return served === undefined ? 'no: its slot is lost' : 'yes'
  },
}

/** Each was broken by a library when this was written. */
export const poolClaims: readonly PoolClaim[] = [
  secondRelease,
  lateWaiter,
  hungCreate,
  failingCreate,
  slowDestroy,
  unhandled,
]

function factory(options: Partial<AdapterOptions> & { readonly max: number }): AdapterOptions {
  let made = 0
  return { create: async () => ({ id: ++made }), destroy: async () => {}, ...options }
}

// What it gives in time; `undefined` when it fails or takes too long.
function soon<T>(work: Promise<T>): Promise<T | undefined> {
  return Promise.race([work.catch(() => undefined), sleep(SOON_MS, undefined)])
}
