import { describe, expect, test } from 'vitest'
import { type CreateContext, Pool, type PoolOptions } from '../src/index.js'
import { deferred } from './support/deferred.js'
import { FakeItems, type Item } from './support/fake-items.js'
import { watch } from './support/outcome.js'
import { poolOf } from './support/pool-of.js'
import { turn } from './support/turn.js'

describe('borrow', () => {
  test('makes an item, then lends it again, and tells where it comes from', async () => {
    const { pool } = poolOf()
    const first = await pool.borrow()
    expect(first).toMatchObject({ origin: 'created', uses: 1, ended: false, item: { id: 0 } })
    first.release()
    const second = await pool.borrow()
    expect(second).toMatchObject({ origin: 'reused', uses: 2, item: { id: 0 } })
    second.discard()
    await pool.prewarm(1)
    const third = await pool.borrow()
    expect(third).toMatchObject({ origin: 'prewarmed', uses: 1, item: { id: 1 } })
    expect(pool.stats()).toMatchObject({ borrows: 3, hits: 2, misses: 1, created: 2, leased: 1, idle: 0 })
    expect([first.ended, third.ended]).toEqual([true, false])
  })

  test('lends the item that came back last, or first with idleOrder fifo', async () => {
    for (const [idleOrder, expected] of [
      ['lifo', 1],
      ['fifo', 0],
    ] as const) {
      const { pool } = poolOf({ idleOrder })
      await pool.prewarm(2)
      expect((await pool.borrow()).item.id).toBe(expected)
    }
  })

  test('fresh takes a new item past idle ones, and leaves them idle where there is room', async () => {
    const { pool } = poolOf()
    await pool.prewarm(2)
    expect(await pool.borrow({ fresh: true })).toMatchObject({ origin: 'created', item: { id: 2 } })
    expect(pool.stats()).toMatchObject({ idle: 2, leased: 1 })
  })

  test('fresh ends an idle item only for want of room: none while its own creation is under way', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, max: 2 })
    const prewarmed = pool.prewarm(1)
    await turn()
    items.creations[0]?.open()
    await prewarmed
    const fresh = watch(pool.borrow({ fresh: true }))
    await turn()
    expect(pool.stats()).toMatchObject({ idle: 1, dialing: 1 })
    // Any change makes the pool look again whether there is room.
    ;(await pool.borrow()).release()
    items.creations[1]?.open()
    await turn()
    expect(fresh.value?.item.id).toBe(1)
    expect(items.reasons).toEqual([undefined, undefined])
  })

  test('fresh ends the oldest idle item, past those that are lent', async () => {
    const { items, pool } = poolOf({ max: 3, idleOrder: 'fifo' })
    await pool.prewarm(3)
    const lent = await pool.borrow()
    await pool.borrow({ fresh: true })
    expect(lent.item.id).toBe(0)
    expect(items.reasons).toEqual([undefined, 'displaced', undefined, undefined])
  })

  test('fresh ends one idle item and no second one, however long that takes', async () => {
    const items = new FakeItems()
    const destroyed = deferred<void>()
    const ended: number[] = []
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: ({ id }) => {
        ended.push(id)
        return destroyed.promise
      },
      max: 2,
    })
    await pool.prewarm(2)
    const fresh = watch(pool.borrow({ fresh: true }))
    const lease = await pool.borrow()
    lease.release()
    await turn()
    expect(ended).toEqual([0])
    destroyed.resolve()
    await turn()
    expect(fresh.value?.item.id).toBe(2)
    expect(pool.stats()).toMatchObject({ idle: 1, leased: 1, closed: { displaced: 1 } })
  })

  test('with an aborted signal rejects with its reason and touches nothing', async () => {
    const { pool } = poolOf()
    await pool.prewarm(1)
    await expect(pool.borrow({ signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(pool.stats()).toMatchObject({ idle: 1, aborted: 1 })
  })
})

describe('use', () => {
  test('releases after success, discards after failure, and respects what the function did itself', async () => {
    const { items, pool } = poolOf()
    expect(await pool.use(async (item, lease) => [item.id, lease.origin])).toEqual([0, 'created'])
    await expect(
      pool.use(() => {
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
    expect(await pool.use((_item, lease) => lease.detach().id)).toBe(1)
    expect(items.reasons).toEqual(['discarded', undefined])
    expect(pool.stats()).toMatchObject({ total: 0, lateCalls: 0 })
  })
})

describe('a lease', () => {
  test('left without release is discarded by disposal', async () => {
    const { items, pool } = poolOf()
    const lease = await pool.borrow()
    lease[Symbol.dispose]()
    lease[Symbol.dispose]()
    expect(items.reasons).toEqual(['discarded'])
    const next = await pool.borrow()
    next.release()
    next[Symbol.dispose]()
    expect(pool.stats()).toMatchObject({ idle: 1, lateCalls: 0 })
  })

  test('that is the last of maxUses ends its item', async () => {
    const { items, pool } = poolOf({ maxUses: 2 })
    for (let n = 0; n < 4; n += 1) (await pool.borrow()).release()
    expect(items.reasons).toEqual(['max-uses', 'max-uses'])
  })

  test('released above maxIdle ends its item as overflow', async () => {
    const { items, pool } = poolOf({ maxIdle: 1 })
    const leases = [await pool.borrow(), await pool.borrow()]
    for (const lease of leases) lease.release()
    expect(items.reasons).toEqual([undefined, 'overflow'])
  })
})

describe('evict', () => {
  test('leaves a lent item to its borrower, whatever check it has passed', async () => {
    const { items, pool } = poolOf({ check: async () => true, checkNow: () => true })
    await pool.prewarm(2)
    const leases = [await pool.borrow(), pool.tryBorrow(), await pool.borrow()]
    expect(leases.map((lease) => lease?.origin)).toEqual(['prewarmed', 'prewarmed', 'created'])
    for (const item of items.opened) expect(pool.evict(item)).toBe(false)
    expect(items.ends.size).toBe(0)
  })

  test('destroys an idle item, and no other', async () => {
    const { items, pool } = poolOf()
    await pool.prewarm(2)
    const lease = await pool.borrow()
    expect(pool.evict(lease.item)).toBe(false)
    expect(pool.evict({ id: 7 })).toBe(false)
    expect(pool.evict(items.opened[0] as Item)).toBe(true)
    expect(pool.evict(items.opened[0] as Item)).toBe(false)
    expect(items.reasons).toEqual(['evicted', undefined])
    expect(pool.stats()).toMatchObject({ idle: 0, leased: 1, total: 1 })
  })
})

test('stats are frozen, and say why items ended', async () => {
  const { pool } = poolOf({ maxIdle: 0 })
  const first = await pool.borrow()
  const second = await pool.borrow()
  first.release()
  second.discard('upstream-fin')
  const stats = pool.stats()
  expect(Object.isFrozen(stats) && Object.isFrozen(stats.closed)).toBe(true)
  expect(stats.closed).toEqual({ overflow: 1, 'upstream-fin': 1 })
})

test('asyncDispose is close', async () => {
  const { items, pool } = poolOf()
  await pool.prewarm(1)
  await pool[Symbol.asyncDispose]()
  expect(items.reasons).toEqual(['closed'])
})

test('misuse names the option, the value and what is accepted', async () => {
  const make = (options: object) => () => new Pool(options as PoolOptions<Item>)
  const works = { create: async () => ({ id: 0 }), destroy: () => {} }
  expect(make({})).toThrow(/option "create" to be a function, got undefined/)
  expect(make({ ...works, max: 0 })).toThrow(/option "max" to be a whole number >= 1, got 0/)
  expect(make({ ...works, maxidle: 1 })).toThrow(/unknown option "maxidle", expected one of create, destroy/)
  expect(make({ ...works, borrowTimeoutMs: 2 ** 31 })).toThrow(RangeError)
  expect(make({ ...works, lifetimeJitter: 2 })).toThrow(/a number from 0 to 1/)
  expect(make({ ...works, prewarm: '3' })).toThrow(/a whole number >= 0, or a function, got '3'/)
  expect(make({ ...works, backoff: { baseMs: 0 } })).toThrow(
    /backoff: expected option "baseMs" to be .* from 1/,
  )
  expect(make({ ...works, idleOrder: undefined, signal: 1 })).toThrow(TypeError)
  const pool = new Pool<Item>(works)
  await expect(pool.borrow({ fresh: 1 as unknown as boolean })).rejects.toThrow(
    /Pool.borrow: .*"fresh" to be true or false/,
  )
  await expect(pool.borrow({ timeout: 1 } as object)).rejects.toThrow(/unknown option "timeout"/)
  await expect(pool.prewarm(-1)).rejects.toThrow(/Pool.prewarm: .*"n" to be a whole number/)
  await expect(pool.use('it' as unknown as () => void)).rejects.toThrow(/Pool.use: .*"use" to be a function/)
  await expect(pool.close({ graceMs: -1 })).rejects.toThrow(RangeError)
  expect((await pool.borrow()).item).toEqual({ id: 0 })
})

test('the signal of a creation is in a copy of its context, too, and is aborted by close', async () => {
  const contexts: CreateContext[] = []
  const { pool } = poolOf({
    create: (context) => {
      contexts.push(context)
      return new Promise(() => {})
    },
  })
  const borrowed = watch(pool.borrow())
  watch(pool.borrow())
  await turn()
  const [one, other] = contexts as [CreateContext, CreateContext]
  // By one getter for all: V8 allocates a getter as old, with all that it sees.
  const getter = (context: object) => Object.getOwnPropertyDescriptor(context, 'signal')?.get
  expect(getter(one)).toBeTypeOf('function')
  expect(getter(one)).toBe(getter(other))
  const { signal } = { ...one }
  expect(signal).toBeInstanceOf(AbortSignal)
  expect(signal.aborted).toBe(false)
  await pool.close()
  expect(signal.aborted).toBe(true)
  await turn()
  expect(borrowed).toMatchObject({ error: { code: 'ERR_POOL_CLOSED' } })
})
