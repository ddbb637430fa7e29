import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { Pool, type PoolLease } from '../src/index.js'
import { useFakeClock } from './support/fake-clock.js'
import { type Outcome, watch } from './support/outcome.js'
import { runs } from './support/runs.js'
import { turn } from './support/turn.js'

interface Item {
  readonly id: number
}

useFakeClock()

const ending = fc.constantFrom('release' as const, 'release' as const, 'discard' as const, 'detach' as const)
const borrower = fc.record({
  fresh: fc.boolean(),
  ending,
  /** The scheduler decides when: before, while, or after it is served. */
  aborts: fc.boolean(),
  again: fc.boolean(),
})

test('serves everyone, whatever the order in which creations, checks, destructions, aborts and the clock come', {
  timeout: 600_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(borrower, { minLength: 2, maxLength: 6 }),
      fc.record({
        max: fc.integer({ min: 1, max: 3 }),
        maxDialing: fc.integer({ min: 1, max: 2 }),
        maxIdle: fc.nat(2),
      }),
      fc.array(fc.constantFrom('ok' as const, 'ok' as const, 'fail' as const), {
        minLength: 1,
        maxLength: 5,
      }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      async (s, borrowers, limits, creations, checks) => {
        vi.clearAllTimers()
        let nth = 0
        let checked = 0
        let live = 0
        let peak = 0
        const owned = new Set<Item>()
        const wrongs: string[] = []
        const ends = new Map<Item, number>()
        const pool = new Pool<Item>({
          ...limits,
          borrowTimeoutMs: 0,
          createTimeoutMs: 0,
          checkTimeoutMs: 0,
          destroyTimeoutMs: 0,
          idleTimeoutMs: 500,
          random: () => 1,
          create: async () => {
            const id = nth
            nth += 1
            live += 1
            peak = Math.max(peak, live)
            await s.schedule(Promise.resolve(), `create ${id}`)
            if (creations[id % creations.length] === 'ok') return { id }
            live -= 1
            throw new Error('refused')
          },
          check: (item) => {
            const ok = checks[checked % checks.length] === true
            checked += 1
            return s.schedule(Promise.resolve(ok), `check ${item.id} ${ok}`)
          },
          destroy: async (item, reason) => {
            if (owned.has(item)) wrongs.push(`item ${item.id} is destroyed while lent`)
            ends.set(item, (ends.get(item) ?? 0) + 1)
            await s.schedule(Promise.resolve(), `destroy ${item.id} ${reason}`)
            live -= 1
          },
        })
        const aborts: AbortController[] = []
        const outcomes: (Outcome<PoolLease<Item>> & { fresh: boolean })[] = []
        const detached: Item[] = []
        const lead = (who: (typeof borrowers)[number], name: string): void => {
          const abort = new AbortController()
          const borrowed = pool.borrow({ fresh: who.fresh, signal: abort.signal })
          aborts.push(abort)
          outcomes.push(Object.assign(watch(borrowed), { fresh: who.fresh }))
          if (who.aborts) void s.schedule(Promise.resolve(), `abort ${name}`).then(() => abort.abort())
          borrowed.then(
            async (lease) => {
              if (owned.has(lease.item)) wrongs.push(`item ${lease.item.id} has two owners`)
              owned.add(lease.item)
              await s.schedule(Promise.resolve(), `${who.ending} ${name}`)
              owned.delete(lease.item)
              if (who.ending === 'detach') {
                live -= 1
                detached.push(lease.item)
              }
              lease[who.ending]()
              lease.discard()
              if (who.again) lead({ ...who, aborts: false, again: false }, `${name} again`)
            },
            () => {},
          )
        }
        for (const [n, who] of borrowers.entries())
          void s.schedule(Promise.resolve(), `borrow ${n}`).then(() => lead(who, `${n}`))

        // Until nothing is left to come: the clock only moves when nothing else can, to end a pause.
        for (let idle = 0; idle < 3; ) {
          await turn()
          const { waiting, dialing, checking, idle: free, total, max, closing } = pool.stats()
          expect(dialing + free + checking + closing).toBeLessThanOrEqual(total)
          expect(total).toBeLessThanOrEqual(max)
          if (s.count() > 0) {
            idle = 0
            await s.waitOne()
          } else {
            idle += 1
            const anyWaits = outcomes.some(({ state, fresh }) => state === 'pending' && !fresh)
            expect(anyWaits && free > 0, 'an idle item while somebody waits').toBe(false)
            await vi.advanceTimersByTimeAsync(waiting > 0 ? 5_000 : 400)
          }
        }
        expect(wrongs).toEqual([])
        expect(pool.stats().waiting).toBe(0)
        expect(peak).toBeLessThanOrEqual(limits.max)
        for (const outcome of outcomes) expect(outcome.settledTimes).toBe(1)
        for (const { signal } of aborts) expect(getEventListeners(signal, 'abort')).toHaveLength(0)

        const closed = watch(pool.close())
        await turn()
        while (s.count() > 0) {
          await s.waitOne()
          await turn()
        }
        expect(closed.state).toBe('fulfilled')
        expect(live).toBe(0)
        for (const item of detached) expect(ends.has(item)).toBe(false)
        expect([...ends.values()].every((times) => times === 1)).toBe(true)
        expect(ends.size + detached.length).toBe(pool.stats().created)
      },
    ),
    runs(300),
  )
})
