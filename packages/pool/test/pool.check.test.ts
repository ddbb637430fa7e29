import { describe, expect, test, vi } from 'vitest'
import { Pool } from '../src/index.js'
import { type Deferred, deferred } from './support/deferred.js'
import { FakeItems, type Item } from './support/fake-items.js'
import { watch } from './support/outcome.js'
import { poolOf } from './support/pool-of.js'
import { turn } from './support/turn.js'

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

  test('that passes when its borrower has left makes the item idle again, and counts for no use of it', async () => {
    const checked = deferred<boolean>()
    const { pool } = poolOf({ check: () => checked.promise, max: 1 })
    await pool.prewarm(1)
    const borrower = new AbortController()
    const borrowed = watch(pool.borrow({ signal: borrower.signal }))
    await turn()
    borrower.abort()
    checked.resolve(true)
    await turn()
    expect(borrowed.state).toBe('rejected')
    expect(pool.stats()).toMatchObject({ idle: 1, hits: 0, aborted: 1 })
    expect(await pool.borrow()).toMatchObject({ origin: 'prewarmed', uses: 1 })
  })

  test('that fails sends its borrower to the next idle item, and to a new one when none is left', async () => {
    const checks: Deferred<boolean>[] = []
    const check = (): Promise<boolean> => {
      const later = deferred<boolean>()
      checks.push(later)
      return later.promise
    }
    const { items, pool } = poolOf({ check })
    await pool.prewarm(2)
    const borrowed = watch(pool.borrow())
    await turn()
    checks[0]?.resolve(false)
    await turn()
    expect(pool.stats()).toMatchObject({ checking: 1, idle: 0, created: 2 })
    checks[1]?.resolve(false)
    await turn()
    expect(borrowed.value).toMatchObject({ origin: 'created', item: { id: 2 } })
    expect(items.reasons).toEqual(['stale', 'stale', undefined])
  })

  test('that fails sends its borrower to the next idle item, though a creation is under way that nobody waits for', async () => {
    const checks: Deferred<boolean>[] = []
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      check: () => {
        const later = deferred<boolean>()
        checks.push(later)
        return later.promise
      },
    })
    watch(pool.prewarm(3))
    await turn()
    for (const n of [0, 1]) items.creations[n]?.open()
    await turn()
    const borrowed = watch(pool.borrow())
    checks[0]?.resolve(false)
    await turn()
    expect(pool.stats()).toMatchObject({ checking: 1, idle: 0, dialing: 1 })
    checks[1]?.resolve(true)
    await turn()
    expect(borrowed.value?.origin).toBe('prewarmed')
    await pool.close({ graceMs: 0 })
  })

  test('is begun for no borrower who wants a new item', async () => {
    const { items, pool } = poolOf({ check: () => new Promise(() => {}) })
    const later = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      check: () => new Promise(() => {}),
    })
    const prewarmed = later.prewarm(2)
    await turn()
    for (const creation of items.creations) creation.open()
    await prewarmed
    const checked = watch(later.borrow())
    const fresh = watch(later.borrow({ fresh: true }))
    await turn()
    // The first in line takes it, though it was begun for the other.
    items.creations[2]?.open()
    await turn()
    expect([checked.state, fresh.state]).toEqual(['fulfilled', 'pending'])
    expect(later.stats()).toMatchObject({ checking: 1, idle: 1, dialing: 1 })
    items.creations[3]?.open()
    await turn()
    expect(fresh.state).toBe('fulfilled')
    await pool.close()
  })

  test('that fails for 10 000 idle items in a row ends in a new one', async () => {
    const first = deferred<boolean>()
    let checks = 0
    const { pool } = poolOf({
      max: 10_000,
      maxIdle: 10_000,
      maxDialing: 10_000,
      check: () => (checks++ === 0 ? first.promise : false),
    })
    await pool.prewarm(10_000)
    const borrowed = watch(pool.borrow())
    first.resolve(false)
    await turn()
    expect(borrowed.value?.origin).toBe('created')
    expect(pool.stats()).toMatchObject({ leased: 1, total: 1, closed: { stale: 10_000 } })
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

  test('lends nothing that is too old, whatever checkNow says and however late the timer is', async () => {
    let now = 0
    const { items, pool } = poolOf({ checkNow: () => true, idleTimeoutMs: 100, now: () => now })
    await pool.prewarm(1)
    now = 60
    ;(await pool.borrow({ fresh: true })).release()
    now = 160
    expect(pool.tryBorrow()).toBe(undefined)
    expect(items.reasons).toEqual(['idle-timeout', 'idle-timeout'])
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
