import { describe, expect, test } from 'vitest'
import { Pool } from '../src/index.js'
import { type Deferred, deferred } from './support/deferred.js'
import { FakeItems, type Item } from './support/fake-items.js'
import { watch } from './support/outcome.js'
import { poolOf } from './support/pool-of.js'
import { turn } from './support/turn.js'

describe('the line', () => {
  test('refuses one waiter too many', async () => {
    const { pool } = poolOf({ max: 1, maxWaiters: 1 })
    const lease = await pool.borrow()
    const waiting = watch(pool.borrow())
    await expect(pool.borrow()).rejects.toMatchObject({
      code: 'ERR_POOL_MAX_WAITERS',
      message: expect.stringContaining('wait already'),
    })
    lease.release()
    await turn()
    expect(waiting.state).toBe('fulfilled')
    expect(pool.stats().refused).toBe(1)
  })

  test('is as long as need be with maxWaiters 0', async () => {
    const { pool } = poolOf({ max: 1, maxWaiters: 0 })
    await pool.borrow()
    const waiting = Array.from({ length: 2_000 }, () => watch(pool.borrow()))
    await turn()
    expect(pool.stats()).toMatchObject({ waiting: 2_000, refused: 0 })
    await pool.close({ graceMs: 0 })
    await turn()
    expect(waiting.every(({ state }) => state === 'rejected')).toBe(true)
  })

  test('is not for one whom an idle item can serve: who waits for a new one is passed by, and no place is needed', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, max: 2, maxWaiters: 1 })
    const prewarmed = pool.prewarm(1)
    await turn()
    items.creations[0]?.open()
    await prewarmed
    const fresh = watch(pool.borrow({ fresh: true }))
    expect((await pool.borrow()).item.id).toBe(0)
    expect(fresh.state).toBe('pending')
    await pool.close({ graceMs: 0 })
  })

  test('gives what is released to the first who takes it, past one who waits for a new item', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy })
    const first = watch(pool.borrow())
    await turn()
    items.creations[0]?.open()
    await turn()
    const [fresh, any] = [watch(pool.borrow({ fresh: true })), watch(pool.borrow())]
    await turn()
    first.value?.release()
    await turn()
    expect([fresh.state, any.value?.origin]).toEqual(['pending', 'reused'])
    await pool.close({ graceMs: 0 })
  })

  test('has what it waits for: an item made ahead overtakes none that is under a check for it', async () => {
    const checked = deferred<boolean>()
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      check: () => checked.promise,
    })
    watch(pool.prewarm(2))
    await turn()
    items.creations[0]?.open()
    await turn()
    const borrowed = watch(pool.borrow())
    items.creations[1]?.open()
    await turn()
    expect(pool.stats()).toMatchObject({ idle: 1, checking: 1, waiting: 1 })
    checked.resolve(true)
    await turn()
    expect(borrowed.value).toMatchObject({ origin: 'prewarmed', item: { id: 0 } })
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

  test('tells its oldest why nothing could be created', async () => {
    for (const reason of [new Error('refused'), 'refused']) {
      const { pool } = poolOf({ create: () => Promise.reject(reason) })
      await expect(pool.borrow()).rejects.toMatchObject({
        code: 'ERR_POOL_CREATE_FAILED',
        message: 'Could not create an item: refused',
        cause: reason,
      })
      await pool.close()
    }
  })
})

describe('closing', () => {
  test('waits for every destruction, in whatever state its item was', async () => {
    const items = new FakeItems()
    const ends: Deferred<void>[] = []
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: () => {
        const end = deferred<void>()
        ends.push(end)
        // The first ends at once: that alone closes nothing.
        return ends.length === 1 ? undefined : end.promise
      },
      check: () => new Promise(() => {}),
    })
    watch(pool.prewarm(2))
    await turn()
    for (const creation of items.creations) creation.open()
    await turn()
    const borrowed = [pool.borrow(), pool.borrow(), pool.borrow({ fresh: true })].map(watch)
    await turn()
    expect(pool.stats()).toMatchObject({ checking: 2, dialing: 1 })
    const closed = watch(pool.close())
    await turn()
    expect(closed.state).toBe('pending')
    ends[1]?.resolve()
    await turn()
    expect(closed.state).toBe('fulfilled')
    for (const { error } of borrowed)
      expect(error).toMatchObject({ code: 'ERR_POOL_CLOSED', message: 'The pool is closed' })
    // What was given up has not failed.
    expect(pool.stats()).toMatchObject({ createFailed: 0, closed: { closed: 2 } })
  })

  test('is what a borrower fails of who aborts right after it', async () => {
    const { pool } = poolOf({ max: 1 })
    await pool.borrow()
    const controller = new AbortController()
    const borrowed = watch(pool.borrow({ signal: controller.signal }))
    const closed = pool.close({ graceMs: 0 })
    controller.abort()
    await closed
    await turn()
    expect(borrowed.error).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    expect(pool.stats()).toMatchObject({ refused: 1, aborted: 0 })
  })
})
