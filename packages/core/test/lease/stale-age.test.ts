import { describe, expect, test } from 'vitest'
import { later } from '../support/later.js'
import { client } from '../support/upstream.js'
import { house } from './toy.js'

describe.each(['prewarmed', 'reused'] as const)('a %s lease', (origin) => {
  test.each(['fin', 'reset'] as const)(
    'whose session has been open and silent for 2 s is not replaced when its upstream ends it by %s: the client sees that',
    async (how) => {
      const made = await house({ origin, proof: null, retryStale: 'before-first-byte' })
      const caller = await client(made.address)
      const served = await made.peer(0)
      await expect.poll(() => made.connector.connections.size, { interval: 2, timeout: 10_000 }).toBe(1)
      later(2_000)
      if (how === 'fin') served.end()
      else served.reset()
      expect(await caller.received).toMatchObject({ bytes: 0, ending: how })
      caller.end()
      expect(await made.result(0)).toMatchObject({
        reason: how === 'fin' ? 'upstream-end' : 'upstream-reset',
      })
      expect(made.connector.connects).toEqual(['any'])
    },
  )
})

test('a request that a reused connection can not prove gets a fresh one, however late it comes', async () => {
  const made = await house({ origin: 'reused', retryStale: 'before-first-byte' })
  const caller = await client(made.address)
  await made.peer(0)
  await expect.poll(() => made.connector.connections.size, { interval: 2, timeout: 10_000 }).toBe(1)
  later(60_000)
  await caller.write('taint\n')
  const fresh = await made.peer(1)
  await fresh.arrived('taint\n'.length)
  expect(made.connector.connects).toEqual(['any', 'fresh'])
  fresh.end()
  caller.end()
  await made.result(0)
})
