import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Pool, type PoolLease } from '../src/index.js'
import { deferred } from './support/deferred.js'
import { FakeItems, type Item } from './support/fake-items.js'
import { type Outcome, watch } from './support/outcome.js'
import { poolOf } from './support/pool-of.js'
import { turn } from './support/turn.js'

afterEach(() => {
  vi.useRealTimers()
})

describe('prewarm', () => {
  test('keeps its target ready, replacing what is lent or ends', async () => {
    const { items, pool } = poolOf({ prewarm: 2 })
    await turn()
    expect(pool.stats().idle).toBe(2)
    const lease = await pool.borrow()
    expect(lease.origin).toBe('prewarmed')
    await turn()
    expect(pool.stats()).toMatchObject({ idle: 2, leased: 1 })
    pool.evict(items.opened[0] as Item)
    await turn()
    expect(pool.stats()).toMatchObject({ idle: 2, total: 3 })
  })

  test('follows a target that is a function, which may speak of the pool', async () => {
    let target = 1
    const { pool } = poolOf()
    const moving: Pool<Item> = new Pool<Item>({
      create: new FakeItems().createNow,
      destroy: () => {},
      prewarm: () => (moving.stats().total >= 0 ? target : 0),
    })
    await turn()
    expect(moving.stats().idle).toBe(1)
    target = 3
    expect(await moving.prewarm()).toEqual({ opened: 2, errors: [] })
    expect(moving.stats().idle).toBe(3)
    await pool.close()
  })

  test('is done when the items are there, those too that the pool had begun itself', async () => {
    const { items, pool } = poolOf()
    const own = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      prewarm: 3,
      maxDialing: 2,
    })
    await turn()
    const done = watch(own.prewarm(3))
    await turn()
    items.creations[0]?.open()
    await turn()
    items.creations[1]?.open()
    await turn()
    expect(done.state).toBe('pending')
    items.creations[2]?.open()
    await turn()
    expect(done.value?.errors).toEqual([])
    expect(own.stats()).toMatchObject({ idle: 3, total: 3 })
    await pool.close()
  })

  test('stops at the first failure, says so, and leaves the rest to the pause', async () => {
    const create = vi.fn(async (): Promise<Item> => {
      throw new Error('refused')
    })
    const { pool } = poolOf({ create, maxDialing: 1 })
    expect(await pool.prewarm(3)).toMatchObject({ opened: 0, errors: [{ message: 'refused' }] })
    expect(await pool.prewarm(3)).toMatchObject({ opened: 0, errors: [{ message: 'refused' }] })
    expect(create).toHaveBeenCalledTimes(1)
    await pool.close()
  })

  test('keeps an unused item no longer than prewarmMaxAgeMs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    let age = 100
    const { items, pool } = poolOf({ prewarmMaxAgeMs: () => age, idleTimeoutMs: 1_000 })
    await pool.prewarm(2)
    ;(await pool.borrow()).release()
    await vi.advanceTimersByTimeAsync(100)
    expect(items.reasons).toEqual(['idle-timeout', undefined])
    age = 0
    await pool.prewarm(2)
    await vi.advanceTimersByTimeAsync(899)
    expect(items.reasons).toEqual(['idle-timeout', undefined, undefined])
    await vi.advanceTimersByTimeAsync(101)
    expect(items.reasons).toEqual(['idle-timeout', 'idle-timeout', 'idle-timeout'])
  })

  test('with maxDialing 1 does not delay a waiter: what it opens goes to whoever waits', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      maxDialing: 1,
      prewarm: 10,
    })
    await turn()
    const waiting = watch(pool.borrow())
    const fresh = watch(pool.borrow({ fresh: true }))
    items.creations[0]?.open()
    await turn()
    items.creations[1]?.open()
    await turn()
    expect([waiting.value?.origin, fresh.value?.origin]).toEqual(['created', 'created'])
    await pool.close({ graceMs: 0 })
  })

  test('is done when its target is met, whatever else is under way', async () => {
    const { items, pool } = poolOf()
    const busy = new Pool<Item>({ create: items.createLater, destroy: items.destroy })
    watch(busy.borrow())
    await turn()
    const none = watch(busy.prewarm(0))
    await turn()
    expect(none.value).toEqual({ opened: 0, errors: [] })
    await busy.close({ graceMs: 0 })
    await pool.close()
  })

  test('does not count on what was still to be begun for borrowers who have left', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, maxDialing: 1 })
    const left = new AbortController()
    for (const signal of [left.signal, left.signal]) watch(pool.borrow({ signal }))
    await turn()
    left.abort()
    await turn()
    const prewarmed = watch(pool.prewarm(2))
    for (const n of [0, 1]) {
      items.creations[n]?.open()
      await turn()
    }
    expect(prewarmed.value).toEqual({ opened: 2, errors: [] })
    expect(pool.stats().idle).toBe(2)
    await pool.close()
  })

  test('does not count on what was still to be begun for borrowers whom other creations then served', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, maxDialing: 2 })
    const left = new AbortController()
    for (const signal of [left.signal, left.signal]) watch(pool.borrow({ signal }))
    await turn()
    left.abort()
    const borrowed = [watch(pool.borrow()), watch(pool.borrow())]
    const prewarmed = watch(pool.prewarm(2))
    for (const n of [0, 1, 2, 3]) {
      items.creations[n]?.open()
      await turn()
    }
    expect(borrowed.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled'])
    expect(prewarmed.state).toBe('fulfilled')
    expect(pool.stats()).toMatchObject({ idle: 2, created: 4 })
    await pool.close({ graceMs: 0 })
  })

  test('that is a function may borrow, and its borrower is served', async () => {
    const items = new FakeItems()
    let borrowed: Outcome<PoolLease<Item>> | undefined
    const pool: Pool<Item> = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      prewarm: () => {
        borrowed ??= watch(pool.borrow())
        return 0
      },
    })
    await turn()
    expect(borrowed?.state).toBe('fulfilled')
    await pool.close({ graceMs: 0 })
  })

  test('opens nothing more while an item is under a check: it may be idle again', async () => {
    const checked = deferred<boolean>()
    const { items, pool } = poolOf({ prewarm: 1, check: () => checked.promise })
    await turn()
    const left = new AbortController()
    watch(pool.borrow({ signal: left.signal }))
    await turn()
    left.abort()
    pool.evict({ id: 7 })
    watch(pool.prewarm())
    await turn()
    expect(pool.stats()).toMatchObject({ checking: 1, created: 1 })
    checked.resolve(true)
    await turn()
    expect(pool.stats()).toMatchObject({ idle: 1, created: 1 })
    expect(items.peak).toBe(1)
  })

  test('whose target cannot be met keeps no process alive in its pauses', async () => {
    const set = vi.spyOn(globalThis, 'setTimeout')
    onTestFinished(() => void set.mockRestore())
    const create = async (): Promise<Item> => {
      throw new Error('refused')
    }
    const { pool } = poolOf({
      create,
      prewarm: 1,
      random: () => 1,
      backoff: { baseMs: 100_000, maxMs: 100_000 },
    })
    await turn()
    expect(pool.stats().createFailed).toBe(1)
    const pause = set.mock.calls.findIndex(([, ms]) => ms === 100_000)
    expect(set.mock.results[pause]?.value.hasRef()).toBe(false)
    await pool.close()
  })
})
