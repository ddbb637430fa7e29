/** Bugs that other pools have had in borrowers that wait, one test or more for each; a name begins with the bug. */
import { getEventListeners } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { Pool, type PoolLease } from '../../src/index.js'
import { advance, useFakeClock } from '../support/fake-clock.js'
import { FakeItems, type Item } from '../support/fake-items.js'
import { heapUsed } from '../support/heap.js'
import { watch } from '../support/outcome.js'
import { turn } from '../support/turn.js'

useFakeClock()

describe('lost waiter', () => {
  test('lost waiter: one whose item is evicted under its check does not wait for the slow end of that item', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: () => new Promise(() => {}),
      check: () => new Promise(() => {}),
      max: 2,
    })
    const first = await pool.borrow()
    first.release()
    const second = watch(pool.borrow())
    expect(pool.stats()).toMatchObject({ checking: 1, waiting: 1 })
    pool.evict(first.item)
    await turn()
    expect(second.state).toBe('fulfilled')
  })

  test('lost waiter: aborting one in the tick it was matched leaves the next one served', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 1 })
    const held = await pool.borrow()
    const abort = new AbortController()
    const first = watch(pool.borrow({ signal: abort.signal }))
    const second = watch(pool.borrow())
    held.release()
    abort.abort()
    await turn()
    expect(first.state).toBe('fulfilled')
    first.value?.release()
    await turn()
    expect(second.state).toBe('fulfilled')
  })

  test('lost waiter: aborting the first in line before a release serves the second', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 1 })
    const held = await pool.borrow()
    const abort = new AbortController()
    const first = watch(pool.borrow({ signal: abort.signal }))
    const second = watch(pool.borrow())
    abort.abort('gone')
    held.release()
    await turn()
    expect(first).toMatchObject({ state: 'rejected', error: 'gone' })
    expect(second.value?.item).toBe(held.item)
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
  })

  test('lost waiter: of three, the one in the middle may leave', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 1 })
    const held = await pool.borrow()
    const abort = new AbortController()
    const all = [{}, { signal: abort.signal }, {}].map((options) => watch(pool.borrow(options)))
    abort.abort()
    held.discard()
    await turn()
    expect(all.map(({ state }) => state)).toEqual(['fulfilled', 'rejected', 'pending'])
    all[0]?.value?.discard()
    await turn()
    expect(all[2]?.state).toBe('fulfilled')
  })
})

test('dead waiter swallows resource: a timed-out borrower is out of the line before the next release', async () => {
  const items = new FakeItems()
  const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 1 })
  const held = await pool.borrow()
  const timedOut = watch(pool.borrow({ timeoutMs: 10 }))
  await advance(10)
  expect(timedOut.error).toMatchObject({
    code: 'ERR_POOL_TIMEOUT',
    message: 'Nothing to lend within 10 ms (1 lent, 0 opening, 0 closing of 1; 0 more waiting)',
  })
  held.release()
  expect(pool.tryBorrow()?.item).toBe(held.item)
  expect(pool.stats()).toMatchObject({ timeouts: 1, waiting: 0 })
})

describe('limiter traps', () => {
  test('limiter traps: with maxDialing 1 and that one hung, a release serves the waiters', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      maxDialing: 1,
      createTimeoutMs: 0,
    })
    const held = watch(pool.borrow())
    await turn()
    items.creations[0]?.open()
    await turn()
    const waiting = [watch(pool.borrow()), watch(pool.borrow())]
    await turn()
    expect(items.creations).toHaveLength(2)
    held.value?.release()
    await turn()
    expect(waiting.map(({ state }) => state)).toEqual(['fulfilled', 'pending'])
    waiting[0]?.value?.release()
    await turn()
    expect(waiting[1]?.state).toBe('fulfilled')
  })

  test('limiter traps: close settles all, what waits for the limiter too', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, maxDialing: 1 })
    const waiting = [watch(pool.borrow()), watch(pool.borrow()), watch(pool.borrow({ fresh: true }))]
    const prewarmed = watch(pool.prewarm(5))
    await turn()
    const closed = watch(pool.close())
    await turn()
    for (const { error } of waiting) expect(error).toMatchObject({ code: 'ERR_POOL_CLOSED' })
    expect(prewarmed.state).toBe('fulfilled')
    expect(closed.state).toBe('fulfilled')
    expect(items.creations).toHaveLength(1)
    expect(items.creations[0]?.signal.aborted).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('limiter traps: a creation that is no longer needed when its turn comes does not start', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, maxDialing: 1 })
    const first = watch(pool.borrow())
    const abort = new AbortController()
    watch(pool.borrow({ signal: abort.signal }))
    await turn()
    abort.abort()
    items.creations[0]?.open()
    await turn()
    expect(first.state).toBe('fulfilled')
    expect(items.creations).toHaveLength(1)
  })
})

describe('memory growth', () => {
  test('memory growth: 100 000 aborted borrows behind one that waits leave nothing', {
    timeout: 60_000,
  }, async () => {
    vi.useRealTimers()
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 1 })
    const held = await pool.borrow()
    const first = pool.borrow()
    const reason = new Error('aborted')
    const abortMany = async (): Promise<void> => {
      for (let i = 0; i < 10_000; i += 1) {
        const abort = new AbortController()
        const borrowed = pool.borrow({ signal: abort.signal, fresh: i % 2 === 0 })
        abort.abort(reason)
        const error = await borrowed.catch((caught: unknown) => caught)
        if (error !== reason) throw new Error('not the reason')
      }
    }
    await abortMany()
    const before = heapUsed()
    for (let round = 0; round < 9; round += 1) await abortMany()
    expect(heapUsed() - before).toBeLessThan(2_000_000)
    expect(pool.stats()).toMatchObject({ waiting: 1, aborted: 100_000, created: 1 })
    held.release()
    expect((await first).item).toBe(held.item)
    await pool.close({ graceMs: 0 })
  })

  test('memory growth: a signal used for many borrows keeps no listener, however they end', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      max: 2,
      random: () => 0,
    })
    const { signal } = new AbortController()
    const borrowed = [
      watch(pool.borrow({ signal })),
      watch(pool.borrow({ signal })),
      watch(pool.borrow({ signal, timeoutMs: 5 })),
      watch(pool.borrow({ signal })),
    ]
    await turn()
    items.creations[0]?.open()
    items.creations[1]?.reject(new Error('refused'))
    await advance(5)
    await pool.close({ graceMs: 0 })
    await turn()
    expect(borrowed.map(({ state }) => state)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected'])
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('ref/unref', () => {
  // getActiveResourcesInfo lists the timers that keep the process alive.
  const refd = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length

  test('ref/unref: what is idle keeps no process alive, a borrower who waits does', async () => {
    vi.useRealTimers()
    const items = new FakeItems()
    const before = refd()
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      max: 1,
      maxLifetimeMs: 5_000,
    })
    const lease = await pool.borrow()
    expect(refd()).toBe(before)
    const abort = new AbortController()
    const waiting = watch(pool.borrow({ signal: abort.signal }))
    expect(refd()).toBe(before + 1)
    abort.abort()
    await turn()
    expect(waiting.state).toBe('rejected')
    lease.release()
    expect(pool.stats().idle).toBe(1)
    expect(refd()).toBe(before)
    await pool.close()
  })

  test('ref/unref: the pause after a failure keeps it alive only while somebody waits', async () => {
    vi.useRealTimers()
    const items = new FakeItems()
    const before = refd()
    const pool = new Pool<Item>({
      create: items.createLater,
      destroy: items.destroy,
      maxDialing: 1,
      createTimeoutMs: 0,
      borrowTimeoutMs: 0,
      random: () => 1,
      backoff: { baseMs: 100_000, maxMs: 100_000 },
    })
    const failed = watch(pool.borrow())
    await turn()
    items.creations[0]?.reject(new Error('refused'))
    await turn()
    expect(failed.state).toBe('rejected')
    expect(refd()).toBe(before)
    const abort = new AbortController()
    const other = new AbortController()
    watch(pool.borrow({ signal: abort.signal }))
    watch(pool.borrow({ signal: other.signal }))
    expect(refd()).toBe(before + 1)
    abort.abort()
    await turn()
    expect(refd()).toBe(before + 1)
    other.abort()
    await turn()
    expect(refd()).toBe(before)
    await pool.close()
  })
})

describe('starvation', () => {
  test('starvation: the line is first come, first served, by releases and creations alike', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createLater, destroy: items.destroy, max: 2 })
    const served: number[] = []
    const leases: PoolLease<Item>[] = []
    for (let n = 0; n < 6; n += 1) {
      void pool.borrow().then((lease) => {
        served.push(n)
        leases.push(lease)
      })
    }
    await turn()
    items.creations[1]?.open()
    await turn()
    leases[0]?.release()
    await turn()
    items.creations[0]?.open()
    await turn()
    leases[1]?.discard()
    await turn()
    items.creations[2]?.open()
    await turn()
    leases[2]?.release()
    leases[3]?.release()
    await turn()
    expect(served).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('starvation: nobody takes an idle item, or jumps the line by a quick check, past one who waits', async () => {
    const items = new FakeItems()
    const checks: ((ok: boolean) => void)[] = []
    const pool = new Pool<Item>({
      create: items.createNow,
      destroy: items.destroy,
      max: 2,
      check: (item) => (item.id === 0 ? true : new Promise<boolean>((resolve) => checks.push(resolve))),
      checkNow: () => true,
    })
    await pool.prewarm(2)
    const first = watch(pool.borrow())
    await turn()
    expect(first.state).toBe('pending')
    expect(pool.tryBorrow()).toBe(undefined)
    const second = watch(pool.borrow())
    await turn()
    expect([first.value?.item.id, second.state]).toEqual([0, 'pending'])
    checks[0]?.(true)
    await turn()
    expect(second.value?.item.id).toBe(1)
  })

  test('starvation: one who wants a fresh item gets room in a full pool, in turn', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 2 })
    const [a, b] = [await pool.borrow(), await pool.borrow()]
    const fresh = watch(pool.borrow({ fresh: true }))
    const later = watch(pool.borrow())
    a.release()
    await turn()
    expect(fresh.value?.origin).toBe('created')
    expect(later.state).toBe('pending')
    b.release()
    await turn()
    expect(later.value?.item).toBe(b.item)
    expect(pool.stats().closed).toEqual({ displaced: 1 })
    expect(items.peak).toBe(2)
  })

  test('starvation: nor do idle items keep a fresh one out', async () => {
    const items = new FakeItems()
    const pool = new Pool<Item>({ create: items.createNow, destroy: items.destroy, max: 2 })
    await pool.prewarm(2)
    const lease = await pool.borrow({ fresh: true })
    expect(lease.item.id).toBe(2)
    expect(items.reasons).toEqual(['displaced', undefined, undefined])
  })
})
