import { afterEach, describe, expect, test, vi } from 'vitest'
import { Pool } from '../src/index.js'
import { FakeItems, type Item } from './support/fake-items.js'
import { watch } from './support/outcome.js'
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
})
