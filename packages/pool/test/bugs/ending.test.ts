/** Bugs that other pools have had in what ends, one test or more for each; a name begins with the bug. */
import { describe, expect, test, vi } from 'vitest'
import { Pool, type PoolLease } from '../../src/index.js'
import { deferred } from '../support/deferred.js'
import { advance, useFakeClock } from '../support/fake-clock.js'
import { FakeItems, type Item } from '../support/fake-items.js'
import { watch } from '../support/outcome.js'
import { turn } from '../support/turn.js'

useFakeClock()

describe('double/stale release', () => {
  const twice: [string, (lease: PoolLease<Item>) => void][] = [
    ['release', (lease) => lease.release()],
    ['discard', (lease) => lease.discard()],
    ['dispose', (lease) => lease[Symbol.dispose]()],
    ['detach', (lease) => expect(() => lease.detach()).toThrow(/has ended/)],
  ]
  test.each(twice)('double/stale release: a late %s does nothing to the next owner', async (name, again) => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 2 })
    const a = await pool.borrow()
    a.release()
    const b = await pool.borrow()
    expect(b.item).toBe(a.item)
    again(a)
    const c = await pool.borrow()
    expect(c.item).not.toBe(b.item)
    expect(items.ends.size).toBe(0)
    expect(pool.stats().lateCalls).toBe(name === 'dispose' ? 0 : 1)
  })

  test('double/stale release: a release after close, discard or detach is one end only', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy })
    const [a, b, c] = [await pool.borrow(), await pool.borrow(), await pool.borrow()]
    a.discard('mine')
    expect(b.detach()).toBe(b.item)
    await pool.close({ graceMs: 0 })
    for (const lease of [a, b, c]) {
      lease.release()
      lease.release()
    }
    expect(items.reasons).toEqual(['mine', undefined, 'closed'])
    expect(pool.stats()).toMatchObject({ total: 0, detached: 1, lateCalls: 5 })
  })
})

const noThenable = (): object =>
  Object.defineProperty({}, 'then', {
    get() {
      throw new Error('not to be waited for')
    },
  })

describe('validator throws', () => {
  const checks: [string, () => boolean | Promise<boolean>][] = [
    [
      'throws',
      () => {
        throw new Error('check')
      },
    ],
    ['rejects', () => Promise.reject(new Error('check'))],
    ['hangs', () => new Promise<boolean>(() => {})],
    ['returns what cannot be waited for', () => noThenable() as never],
    ['says false', () => false],
    ['says false later', async () => false],
    ['says nothing', () => undefined as unknown as boolean],
  ]
  test.each(checks)(
    'validator throws: a check that %s costs the item, not the slot',
    async (_name, check) => {
      const items = new FakeItems()
      const pool = new Pool<Item>({
        create: items.createNow,
        destroy: items.destroy,
        check,
        max: 1,
        checkTimeoutMs: 100,
      })
      await pool.prewarm(1)
      for (let round = 1; round <= 3; round += 1) {
        const borrowed = watch(pool.borrow())
        await advance(100)
        expect(borrowed.value?.origin).toBe('created')
        borrowed.value?.release()
      }
      expect(pool.stats()).toMatchObject({ total: 1, checking: 0, closed: { stale: 3 } })
      expect(items.peak).toBe(1)
    },
  )

  const destroys: [string, () => void | Promise<void>][] = [
    [
      'throws',
      () => {
        throw new Error('destroy')
      },
    ],
    ['rejects', () => Promise.reject(new Error('destroy'))],
    ['returns what cannot be waited for', () => noThenable() as never],
    ['hangs', () => new Promise<void>(() => {})],
  ]
  test.each(destroys)('validator throws: a destroy that %s gives its slot back', async (_name, destroy) => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy, max: 1, destroyTimeoutMs: 100 })
    for (let round = 0; round < 3; round += 1) {
      const borrowed = watch(pool.borrow())
      await advance(100)
      borrowed.value?.discard()
    }
    await advance(100)
    expect(pool.stats()).toMatchObject({ total: 0, closing: 0, closed: { discarded: 3 } })
  })

  test.each([
    ['an object without text', Object.create(null)],
    ['an error whose message is a symbol', Object.assign(new Error(), { message: Symbol('no text') })],
  ])('validator throws: a create that rejects with %s fails like any other', async (_name, reason) => {
    const pool = new Pool<Item>({ create: () => Promise.reject(reason), destroy: () => {} })
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CREATE_FAILED' })
    expect(pool.stats()).toMatchObject({ total: 0, createFailed: 1, failed: 1 })
  })

  test('validator throws: a create that throws at once fails like one that rejects', async () => {
    const pool = new Pool<Item>({
      create: () => {
        throw new Error('at once')
      },
      destroy: () => {},
    })
    await expect(pool.borrow()).rejects.toMatchObject({ cause: { message: 'at once' } })
    expect(pool.stats()).toMatchObject({ total: 0, createFailed: 1, failed: 1 })
  })

  test.each([[undefined], [null], [7]])(
    'validator throws: a create that makes %s has failed',
    async (made) => {
      const pool = new Pool<Item>({ create: async () => made as unknown as Item, destroy: () => {} })
      await expect(pool.borrow()).rejects.toMatchObject({
        cause: { message: 'Pool: expected "create" to resolve with an object that is not in the pool yet' },
      })
      expect(pool.stats().total).toBe(0)
    },
  )

  test('validator throws: a create that makes the same item twice has failed the second time', async () => {
    const item = { id: 0 }
    const pool = new Pool<Item>({ create: async () => item, destroy: () => {} })
    const first = await pool.borrow()
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CREATE_FAILED' })
    first.release()
    expect(pool.stats()).toMatchObject({ idle: 1, total: 1 })
  })

  test('validator throws: so may the functions behind prewarm and prewarmMaxAgeMs', async () => {
    const items = new FakeItems()
    const fail = (): number => {
      throw new Error('setting')
    }
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      prewarm: fail,
      prewarmMaxAgeMs: fail,
    })
    const lease = await pool.borrow()
    lease.release()
    await pool.prewarm(2)
    expect(pool.stats()).toMatchObject({ idle: 2, total: 2 })
  })
})

test('late destroy rejects: after its timeout too, unheard', async () => {
  const items = new FakeItems()
  const destroyed = deferred<void>()
  const pool = new Pool<Item>({
    create: items.createNow,
    destroy: () => destroyed.promise,
    destroyTimeoutMs: 10,
  })
  const lease = await pool.borrow()
  lease.discard()
  await advance(10)
  expect(pool.stats().closing).toBe(0)
  destroyed.reject(new Error('late'))
  await turn()
  await turn()
})

describe('close', () => {
  test('close: settles everything in every state, and destroys what comes after', async () => {
    const items = new FakeItems()
    const checked = deferred<boolean>()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      check: () => checked.promise,
      max: 4,
    })
    const leases = [watch(pool.borrow()), watch(pool.borrow()), watch(pool.borrow())]
    await turn()
    for (const creation of items.creations) creation.open()
    await turn()
    leases[0]?.value?.release()
    leases[1]?.value?.release()
    const checking = watch(pool.borrow())
    const dialing = watch(pool.borrow({ fresh: true }))
    const waiting = watch(pool.borrow({ fresh: true }))
    await turn()
    expect(pool.stats()).toMatchObject({
      idle: 1,
      checking: 1,
      leased: 1,
      dialing: 1,
      closing: 0,
      waiting: 3,
    })
    const closed = watch(pool.close({ graceMs: 1_000 }))
    expect(pool.close()).toBe(pool.close({ graceMs: 1 }))
    await turn()
    for (const { error } of [checking, dialing, waiting])
      expect(error).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await expect(pool.prewarm(1)).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' })
    expect(pool.tryBorrow()).toBe(undefined)
    expect(closed.state).toBe('pending')
    leases[2]?.value?.release()
    await turn()
    expect(closed.state).toBe('fulfilled')
    expect(vi.getTimerCount()).toBe(0)
    checked.resolve(true)
    items.creations[3]?.open()
    await turn()
    expect(items.live).toBe(0)
    expect(pool.stats()).toMatchObject({ total: 0, waiting: 0, closed: { closed: 3, late: 1 } })
  })

  test('close: waits for leases no longer than graceMs, and their late release destroys', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy })
    const lease = await pool.borrow()
    const closed = watch(pool.close({ graceMs: 50 }))
    await advance(49)
    expect(closed.state).toBe('pending')
    await advance(1)
    expect(closed.state).toBe('fulfilled')
    lease.release()
    expect(items.reasons).toEqual(['closed'])
  })

  test('close: with graceMs 0 waits for destructions all the same', async () => {
    const destroyed = deferred<void>()
    const pool = new Pool<Item>({
      create: new FakeItems().createNow,
      destroy: (item) => (item.id === 0 ? undefined : destroyed.promise),
      idleOrder: 'fifo',
    })
    await pool.prewarm(2)
    await pool.borrow({ fresh: true })
    const closed = watch(pool.close({ graceMs: 0 }))
    await turn()
    expect(closed.state).toBe('pending')
    destroyed.resolve()
    await turn()
    expect(closed.state).toBe('fulfilled')
  })

  test('close: never lends a destroyed item, whatever destroy calls back', async () => {
    const items = new FakeItems()
    const again: Promise<unknown>[] = []
    const pool: Pool<Item> = new Pool<Item>({
      create: items.createNow,
      destroy: (item, reason) => {
        items.destroy(item, reason)
        again.push(pool.borrow().catch((error: { code: string }) => error.code))
        again.push(pool.close().then(() => 'closed'))
        expect(pool.tryBorrow()).toBe(undefined)
        expect(pool.evict(item)).toBe(false)
      },
    })
    await pool.prewarm(3)
    await pool.close()
    expect(new Set(await Promise.all(again))).toEqual(new Set(['ERR_POOL_CLOSED', 'closed']))
    expect(items.reasons).toEqual(['closed', 'closed', 'closed'])
  })
})

test('a fix that regressed: discard and evict return at once and never throw, whatever destroy does', async () => {
  const pool = new Pool<Item>({
    create: new FakeItems().createNow,
    destroy: () => {
      throw new Error('destroy')
    },
    max: 1,
  })
  const lease = await pool.borrow()
  const waiting = watch(pool.borrow())
  expect(lease.discard('broken')).toBe(undefined)
  await turn()
  waiting.value?.release()
  expect(waiting.value && pool.evict(waiting.value.item, 'gone')).toBe(true)
  expect(pool.stats()).toMatchObject({ total: 0, closed: { broken: 1, gone: 1 } })
})
