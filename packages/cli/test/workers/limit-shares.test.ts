import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkShares, shareOf } from '../../src/workers/limit-shares.js'

const limits = fc.record({
  prewarm: fc.oneof(fc.nat(1_000), fc.constant('auto' as const)),
  poolIdle: fc.nat(1_000),
  poolMax: fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined }),
  maxConnections: fc.option(fc.nat(1_000), { nil: undefined }),
})

test('the shares are what was asked for, to the last one, and differ by one at most', () => {
  fc.assert(
    fc.property(limits, fc.integer({ min: 1, max: 64 }), (asked, count) => {
      const shares = Array.from({ length: count }, (_, place) => shareOf(asked, { index: place + 1, count }))
      for (const name of ['prewarm', 'poolIdle', 'poolMax', 'maxConnections'] as const) {
        const values = shares.map((share) => share[name])
        const whole = asked[name]
        if (typeof whole !== 'number') expect(new Set(values)).toEqual(new Set([whole]))
        else {
          const numbers = values as number[]
          expect(numbers.reduce((sum, value) => sum + value)).toBe(whole)
          expect(Math.max(...numbers) - Math.min(...numbers)).toBeLessThanOrEqual(1)
        }
      }
    }),
  )
})

test('a limit that passes the check leaves each worker one: a share of 0 would mean none', () => {
  fc.assert(
    fc.property(limits, fc.integer({ min: 1, max: 64 }), (asked, count) => {
      let accepted = true
      try {
        checkShares(asked, count)
      } catch {
        accepted = false
      }
      const shares = Array.from({ length: count }, (_, place) => shareOf(asked, { index: place + 1, count }))
      const starved = shares.some(
        ({ poolMax, maxConnections }) =>
          poolMax === 0 || (maxConnections === 0 && (asked.maxConnections ?? 0) > 0),
      )
      expect(accepted).toBe(!starved)
    }),
  )
})
