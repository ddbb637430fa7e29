import { describe, expect, test, vi } from 'vitest'
import { Pool } from '../src/index.js'
import { deferred } from './support/deferred.js'
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
