/** Bugs that other pools have had in what ends by the clock, one test or more for each; a name begins with the bug. */
import { describe, expect, test } from 'vitest'
import { Pool, type PoolLease } from '../../src/index.js'
import { deferred } from '../support/deferred.js'
import { advance, useFakeClock } from '../support/fake-clock.js'
import { FakeItems, type Item } from '../support/fake-items.js'
import { watch } from '../support/outcome.js'
import { turn } from '../support/turn.js'

useFakeClock()

test('herd at expiry: items opened together end spread over the jitter window', async () => {
  const items = new FakeItems()
  let chance = 0
  const endedAt: number[] = []
  const pool = new Pool<Item>({
    create: items.createNow,
    destroy: () => endedAt.push(performance.now()) as unknown as undefined,
    maxLifetimeMs: 10_000,
    idleTimeoutMs: 0,
    lifetimeJitter: 0.2,
    random: () => {
      chance += 0.1
      return chance % 1
    },
  })
  await pool.prewarm(10)
  await advance(7_999)
  expect(endedAt).toHaveLength(0)
  await advance(2_001)
  expect(endedAt).toHaveLength(10)
  expect(new Set(endedAt.map(Math.round)).size).toBe(10)
  expect(Math.max(...endedAt) - Math.min(...endedAt)).toBeGreaterThan(1_700)
  expect(pool.stats().closed).toEqual({ 'max-lifetime': 10 })
})

describe('idle timer kills a leased item', () => {
  test('idle timer kills a leased item: not one borrowed in the tick it fires', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, idleTimeoutMs: 100 })
    ;(await pool.borrow()).release()
    let lease: PoolLease<Item> | undefined
    setTimeout(() => {
      lease = pool.tryBorrow()
    }, 99.5)
    await advance(99)
    await advance(1)
    await advance(1_000)
    expect(lease).toBeDefined()
    expect(items.ends.size).toBe(0)
    lease?.release()
    await advance(99)
    expect(pool.stats().idle).toBe(1)
    await advance(1)
    expect(pool.stats()).toMatchObject({ idle: 0, total: 0, closed: { 'idle-timeout': 1 } })
  })

  test('idle timer kills a leased item: nor one under a check', async () => {
    const items = new FakeItems()
    const checked = deferred<boolean>()
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      check: () => checked.promise,
      idleTimeoutMs: 100,
    })
    await pool.prewarm(1)
    await advance(90)
    const borrowed = watch(pool.borrow())
    await advance(20)
    checked.resolve(true)
    await turn()
    expect(borrowed.value?.origin).toBe('prewarmed')
    expect(items.ends.size).toBe(0)
  })

  test('idle timer kills a leased item: nor does the end of its lifetime', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      maxLifetimeMs: 100,
      random: () => 0,
    })
    const lease = await pool.borrow()
    await advance(100)
    expect(items.ends.size).toBe(0)
    lease.release()
    expect(items.reasons).toEqual(['max-lifetime'])
  })

  test('idle timer kills a leased item: and one that is due is not lent, though the timer is late', async () => {
    const items = new FakeItems()
    let now = 0
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      idleTimeoutMs: 100,
      now: () => now,
    })
    const first = await pool.borrow()
    first.release()
    now = 100
    expect(pool.tryBorrow()).toBe(undefined)
    const second = await pool.borrow()
    expect(second.item).not.toBe(first.item)
    expect(items.reasons).toEqual(['idle-timeout', undefined])
  })
})
