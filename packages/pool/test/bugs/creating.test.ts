/** Bugs that other pools have had in creations, one test or more for each; a name begins with the bug. */
import { describe, expect, test, vi } from 'vitest'
import { Pool } from '../../src/index.js'
import { deferred } from '../support/deferred.js'
import { advance, useFakeClock } from '../support/fake-clock.js'
import { FakeItems, type Item } from '../support/fake-items.js'
import { watch } from '../support/outcome.js'
import { turn } from '../support/turn.js'

useFakeClock()

test('late dial: an item that comes after its waiter timed out feeds the pool', async () => {
  const items = new FakeItems()
  const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, max: 1 })
  const timedOut = watch(pool.borrow({ timeoutMs: 10 }))
  await advance(10)
  expect(timedOut.state).toBe('rejected')
  const item = items.creations[0]?.open()
  await turn()
  expect(pool.stats()).toMatchObject({ idle: 1, dialing: 0, total: 1 })
  const lease = await pool.borrow()
  expect(lease.item).toBe(item)
  expect(lease.origin).toBe('prewarmed')
})

test('late dial: nor does an aborted waiter abort its creation', async () => {
  const items = new FakeItems()
  const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy })
  const abort = new AbortController()
  const aborted = watch(pool.borrow({ signal: abort.signal }))
  await turn()
  abort.abort()
  await turn()
  expect(aborted.state).toBe('rejected')
  expect(items.creations[0]?.signal.aborted).toBe(false)
  items.creations[0]?.open()
  await turn()
  expect(pool.stats()).toMatchObject({ idle: 1, dialing: 0 })
})

describe('hung dial', () => {
  test('hung dial: gives its slot back after createTimeoutMs, and its late item is destroyed', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      max: 1,
      createTimeoutMs: 100,
      random: () => 0,
    })
    const first = watch(pool.borrow())
    const second = watch(pool.borrow())
    await advance(100)
    expect(first.error).toMatchObject({
      code: 'ERR_POOL_CREATE_FAILED',
      cause: { code: 'ERR_POOL_CREATE_TIMEOUT' },
    })
    expect(items.creations[0]?.signal.aborted).toBe(true)
    await advance(1)
    expect(items.creations).toHaveLength(2)
    items.creations[1]?.open()
    await turn()
    expect(second.state).toBe('fulfilled')
    const late = items.creations[0]?.open()
    await turn()
    expect(late && items.ends.get(late)).toEqual(['late'])
    expect(pool.stats()).toMatchObject({ leased: 1, total: 1, closed: { late: 1 } })
  })

  test('hung dial: holds up no borrower who comes later, while there is a slot', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, max: 2 })
    const abort = new AbortController()
    const gone = watch(pool.borrow({ signal: abort.signal }))
    await turn()
    abort.abort()
    const next = watch(pool.borrow())
    await turn()
    expect(gone.state).toBe('rejected')
    expect(items.creations).toHaveLength(2)
    items.creations[1]?.open()
    await turn()
    expect(next.state).toBe('fulfilled')
  })
})

describe('create storm', () => {
  test('create storm: one waiter, a dial that fails: one create', async () => {
    const create = vi.fn(async (): Promise<Item> => {
      throw new Error('refused')
    })
    const pool = new Pool<Item>({ create, destroy: () => {} })
    await expect(pool.borrow()).rejects.toMatchObject({
      code: 'ERR_POOL_CREATE_FAILED',
      cause: { message: 'refused' },
    })
    await advance(60_000)
    expect(create).toHaveBeenCalledTimes(1)
  })

  test('create storm: many waiters cost one create for each pause, and the oldest fails first', async () => {
    const create = vi.fn(async (): Promise<Item> => {
      throw new Error('refused')
    })
    const pool = new Pool<Item>({
      create,
      destroy: () => {},
      max: 4,
      maxDialing: 1,
      backoff: { baseMs: 50, maxMs: 200 },
      random: () => 1,
      borrowTimeoutMs: 0,
    })
    const waiting = Array.from({ length: 6 }, () => watch(pool.borrow()))
    const failed = (): number => waiting.filter(({ state }) => state === 'rejected').length
    await turn()
    const seen = [[create.mock.calls.length, failed()]]
    for (const pauseMs of [50, 100, 200, 200, 200]) {
      await advance(pauseMs - 1)
      expect(create.mock.calls.length).toBe(seen.length)
      await advance(1)
      seen.push([create.mock.calls.length, failed()])
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6].map((n) => [n, n]))
  })

  test('create storm: creations that fail together count as one failure, and one probe goes before all others', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, random: () => 1 })
    const waiting = Array.from({ length: 6 }, () => watch(pool.borrow()))
    await turn()
    expect(items.creations).toHaveLength(6)
    for (const creation of items.creations.slice(0, 3)) creation.reject(new Error('refused'))
    await advance(49)
    expect(waiting.filter(({ state }) => state === 'rejected')).toHaveLength(3)
    watch(pool.borrow())
    watch(pool.borrow())
    for (const creation of items.creations.slice(3)) creation.reject(new Error('refused'))
    await advance(1)
    expect(items.creations).toHaveLength(7)
    watch(pool.borrow())
    await advance(1_000)
    expect(items.creations).toHaveLength(7)
    // Its success ends that: the two others who wait have theirs at once.
    items.creations[6]?.open()
    await turn()
    expect(items.creations).toHaveLength(9)
    for (const creation of items.creations.slice(7)) creation.reject(new Error('refused'))
    await turn()
    watch(pool.borrow())
    await advance(49)
    expect(items.creations).toHaveLength(9)
    await advance(1)
    expect(items.creations).toHaveLength(10)
  })

  test('create storm: a prewarm target that cannot be met backs off', async () => {
    const create = vi.fn(async (): Promise<Item> => {
      throw new Error('refused')
    })
    const pool = new Pool<Item>({
      create,
      destroy: () => {},
      prewarm: 8,
      maxDialing: 4,
      random: () => 1,
      backoff: { baseMs: 100, maxMs: 1_000 },
    })
    await advance(10_000)
    // 4 at once, then after 100, 200, 400, 800, and each 1 000.
    expect(create.mock.calls.length).toBeLessThanOrEqual(4 + 4 + 9)
    await pool.close()
  })
})

describe('over max', () => {
  test('over max: prewarm and borrowers together stay below it', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 4, prewarm: 4 })
    const prewarmed = pool.prewarm(4)
    const borrowed = Array.from({ length: 8 }, () => watch(pool.borrow()))
    await prewarmed
    await turn()
    expect(items.peak).toBe(4)
    expect(borrowed.filter(({ state }) => state === 'fulfilled')).toHaveLength(4)
  })

  test('over max: a prewarm that waited for the limiter looks for a slot again', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, max: 2, maxDialing: 1 })
    const borrowed = [watch(pool.borrow()), watch(pool.borrow())]
    await turn()
    const prewarmed = pool.prewarm(2)
    items.creations[0]?.open()
    await turn()
    items.creations[1]?.open()
    expect(await prewarmed).toEqual({ opened: 2, errors: [] })
    expect(borrowed.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled'])
    expect(pool.stats()).toMatchObject({ total: 2, dialing: 0 })
    expect(items.creations).toHaveLength(2)
  })

  test('over max: a slow destroy keeps its slot until it is done', async () => {
    const items = new FakeItems()
    const destroys: (() => void)[] = []
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: (item, reason) => {
        const { promise, resolve } = deferred<void>()
        destroys.push(() => {
          items.destroy(item, reason)
          resolve()
        })
        return promise
      },
      max: 2,
    })
    for (let round = 0; round < 5; round += 1) {
      const leases = [await pool.borrow(), await pool.borrow()]
      for (const lease of leases) lease.discard()
      const next = watch(pool.borrow())
      await turn()
      expect(next.state).toBe('pending')
      expect(pool.stats()).toMatchObject({ closing: 2, total: 2, dialing: 0 })
      for (const destroyed of destroys.splice(0)) destroyed()
      await turn()
      next.value?.release()
    }
    expect(items.peak).toBe(2)
  })

  test('over max: items that fail their check are counted until they are destroyed', async () => {
    const items = new FakeItems()
    const destroyed = deferred<void>()
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: (item, reason) => destroyed.promise.then(() => items.destroy(item, reason)),
      check: async () => false,
      max: 2,
    })
    await pool.prewarm(2)
    const borrowed = [watch(pool.borrow()), watch(pool.borrow())]
    await turn()
    expect(pool.stats()).toMatchObject({ closing: 2, dialing: 0, waiting: 2 })
    destroyed.resolve()
    await turn()
    expect(borrowed.map(({ value }) => value?.origin)).toEqual(['created', 'created'])
    expect(items.peak).toBe(2)
  })
})
