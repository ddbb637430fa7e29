import { afterEach, describe, expect, test, vi } from 'vitest'
import { Pool, type PoolOptions } from '../src/index.js'
import { FakeItems, type Item } from './support/fake-items.js'
import { watch } from './support/outcome.js'
import { turn } from './support/turn.js'

afterEach(() => {
  vi.useRealTimers()
})

function poolOf(options: Partial<PoolOptions<Item>> = {}): { items: FakeItems; pool: Pool<Item> } {
  const items = new FakeItems()
  return { items, pool: new Pool<Item>({ create: items.createNow, destroy: items.destroy, ...options }) }
}

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

  test('with an aborted signal rejects with its reason and touches nothing', async () => {
    const { pool } = poolOf()
    await pool.prewarm(1)
    await expect(pool.borrow({ signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(pool.stats()).toMatchObject({ idle: 1, aborted: 1 })
  })

  test('refuses one waiter too many', async () => {
    const { pool } = poolOf({ max: 1, maxWaiters: 1 })
    const lease = await pool.borrow()
    const waiting = watch(pool.borrow())
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_MAX_WAITERS' })
    lease.release()
    await turn()
    expect(waiting.state).toBe('fulfilled')
    expect(pool.stats().refused).toBe(1)
  })

  test('whoever has another creation under way is not failed by one that fails', async () => {
    const { items, pool } = poolOf()
    const later = new Pool<Item>({ create: items.createLater, destroy: items.destroy, random: () => 0 })
    const prewarmed = later.prewarm(2)
    await turn()
    const borrowed = watch(later.borrow())
    await turn()
    items.creations[0]?.reject(new Error('refused'))
    await turn()
    expect(borrowed.state).toBe('pending')
    items.creations[1]?.open()
    await turn()
    expect(borrowed.state).toBe('fulfilled')
    items.creations[2]?.open()
    expect(await prewarmed).toMatchObject({ opened: 1, errors: [{ message: 'refused' }] })
    await pool.close()
  })
})

describe('a check', () => {
  test('runs before an idle or released item is lent, never before a new one', async () => {
    const check = vi.fn(async () => true)
    const { pool } = poolOf({ check, max: 1 })
    const first = await pool.borrow()
    expect(check).not.toHaveBeenCalled()
    const second = watch(pool.borrow())
    first.release()
    await turn()
    expect(check).toHaveBeenCalledTimes(1)
    expect(second.value?.origin).toBe('reused')
    second.value?.release()
    await pool.borrow()
    expect(check).toHaveBeenCalledTimes(2)
  })

  test('that hangs holds up nobody whom a release could serve', async () => {
    const { pool } = poolOf({
      check: (item) => (item.id === 0 ? new Promise(() => {}) : true),
      max: 2,
      idleOrder: 'fifo',
    })
    await pool.prewarm(1)
    const held = await pool.borrow({ fresh: true })
    const waiting = watch(pool.borrow())
    await turn()
    expect(waiting.state).toBe('pending')
    held.release()
    await turn()
    expect(waiting.value?.item.id).toBe(1)
  })

  test('under which an item is evicted has nothing more to say', async () => {
    const { items, pool } = poolOf({ check: () => new Promise(() => {}), max: 1 })
    await pool.prewarm(1)
    const borrowed = watch(pool.borrow())
    await turn()
    expect(pool.evict(items.opened[0] as Item, 'fin')).toBe(true)
    await turn()
    expect(borrowed.value).toMatchObject({ origin: 'created', item: { id: 1 } })
    expect(items.reasons).toEqual(['fin', undefined])
  })

  test('may evict the item that it is asked about', async () => {
    const items = new FakeItems()
    const pool: Pool<Item> = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      check: async (item) => {
        pool.evict(item, 'mine')
        throw new Error('gone')
      },
    })
    await pool.prewarm(1)
    expect((await pool.borrow()).item.id).toBe(1)
    expect(items.reasons).toEqual(['mine', undefined])
  })
})

describe('tryBorrow', () => {
  test('lends what is idle, and nothing else', async () => {
    const { pool } = poolOf()
    expect(pool.tryBorrow()).toBe(undefined)
    await pool.prewarm(1)
    expect(pool.tryBorrow()?.item.id).toBe(0)
    expect(pool.tryBorrow()).toBe(undefined)
    expect(pool.stats()).toMatchObject({ borrows: 1, hits: 1, total: 1 })
  })

  test('goes by checkNow: true lends, false destroys, undefined leaves it idle', async () => {
    const verdicts = [false, undefined, true]
    const { items, pool } = poolOf({ check: async () => true, checkNow: () => verdicts.shift() })
    await pool.prewarm(2)
    expect(pool.tryBorrow()).toBe(undefined)
    expect(pool.stats()).toMatchObject({ idle: 1 })
    expect(pool.tryBorrow()?.item.id).toBe(0)
    expect(items.reasons).toEqual([undefined, 'stale'])
  })

  test('lends nothing when there is only a check that may take time', async () => {
    const { pool } = poolOf({ check: () => true })
    await pool.prewarm(1)
    expect(pool.tryBorrow()).toBe(undefined)
    expect(pool.stats().idle).toBe(1)
  })

  test('survives a checkNow that throws, evicts or borrows the item', async () => {
    const items = new FakeItems()
    let act = (_item: Item): boolean => true
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      checkNow: (item) => act(item),
    })
    await pool.prewarm(3)
    act = (item) => {
      if (item.id === 2) throw new Error('contained')
      act = () => true
      if (item.id === 1) expect(pool.tryBorrow()?.item).toBe(item)
      return true
    }
    expect(pool.tryBorrow()?.item.id).toBe(0)
    expect(items.reasons).toEqual([undefined, undefined, 'stale'])
    expect(pool.stats()).toMatchObject({ leased: 2, idle: 0 })
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
  await expect(pool.borrow({ fresh: 1 as unknown as boolean })).rejects.toThrow(/"fresh" to be true or false/)
  await expect(pool.borrow({ timeout: 1 } as object)).rejects.toThrow(/unknown option "timeout"/)
  await expect(pool.prewarm(-1)).rejects.toThrow(RangeError)
  await expect(pool.use('it' as unknown as () => void)).rejects.toThrow(TypeError)
  await expect(pool.close({ graceMs: -1 })).rejects.toThrow(RangeError)
  expect((await pool.borrow()).item).toEqual({ id: 0 })
})
