import { stat } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Lease } from '@relay/core'
import { describe, expect, test } from 'vitest'
import { type Kind, pooled } from './pooled.js'

/** Ways to read that many bytes of a lease. */
const consumers: Record<string, (lease: Lease, bytes: number) => Promise<string>> = {
  data: ({ socket }, bytes) =>
    new Promise((resolve) => {
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (text.length >= bytes) resolve(text)
      })
    }),
  readable: ({ socket }, bytes) =>
    new Promise((resolve) => {
      let text = ''
      socket.on('readable', () => {
        for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) text += chunk.toString()
        if (text.length >= bytes) resolve(text)
      })
    }),
  'async iterator': async ({ socket }, bytes) => {
    let text = ''
    for await (const chunk of socket) {
      text += chunk.toString()
      if (text.length >= bytes) break
    }
    return text
  },
  'late attach': async (lease, bytes) => {
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    return (consumers.data as (typeof consumers)[string])(lease, bytes)
  },
}

const cases = Object.keys(consumers).flatMap((name) =>
  (['tcp', 'tls'] as const).map((kind): [string, Kind] => [name, kind]),
)

/** What is in the kernel now has been read by whoever reads. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn()
}

describe.each(cases)('read by %s over %s', (name, kind) => {
  const consume = consumers[name] as (typeof consumers)[string]

  test('an upstream that speaks first is heard whole: before, in and after the borrow', async () => {
    const { pool, peer } = await pooled({}, () => {}, kind)
    await pool.prewarm(1)
    const served = await peer(0)
    served.socket.write('one ')
    await settled()
    served.socket.write('two ')
    const borrowing = pool.borrow()
    served.socket.write('three ')
    const lease = await borrowing
    served.socket.write('four')
    expect(lease.origin).toBe('prewarmed')
    expect(await consume(lease, 18)).toBe('one two three four')
    lease.discard()
  })

  test('what follows the answer of the last lease is not lost on the next: seen by it, or spoils its connection', async () => {
    const moments = ['before release', 'after release', 'before borrow', 'after borrow'] as const
    for (const moment of moments) {
      const { pool, peer } = await pooled({ reuse: 'trust' }, () => {}, kind)
      const first = await pool.borrow()
      const served = await peer(0)
      const reading = consumers.data?.(first, 6)
      served.socket.write('answer')
      expect(await reading).toBe('answer')
      const stray = (at: string): void => void (at === moment && served.socket.write('stray'))
      // In the phase in which the loop has polled already: what comes now is news to it.
      await new Promise<void>((resolve) => stat('/', () => resolve()))
      stray('before release')
      const released = first.release()
      stray('after release')
      await released
      if (moment === 'before borrow') await settled()
      stray('before borrow')
      const next = await pool.borrow()
      stray('after borrow')
      if (next.origin === 'reused') {
        expect(await consume(next, 5), moment).toBe('stray')
        expect(moment).toBe('after borrow')
      }
      next.discard()
    }
  })
})

test('bytes that a lease has received and not read spoil its connection', async () => {
  const { pool, peer } = await pooled({ reuse: 'trust' })
  const lease = await pool.borrow()
  const served = await peer(0)
  lease.socket.read(0)
  await served.write('unread')
  await expect.poll(() => lease.socket.readableLength, { interval: 2, timeout: 10_000 }).toBe(6)
  await lease.release()
  expect(pool.stats()).toMatchObject({ idle: 0, closed: { unread: 1 } })
})

test('bytes that a lease left in the kernel spoil its connection as soon as it is back', async () => {
  const { pool, peer } = await pooled({ reuse: 'trust' })
  const lease = await pool.borrow()
  lease.socket.write('?')
  const served = await peer(0)
  await served.arrived(1)
  await served.write('nobody has read this')
  await lease.release()
  const next = await pool.borrow()
  expect(next.origin).toBe('dialed')
  next.discard()
  expect(pool.stats().closed).toMatchObject({ 'unasked-bytes': 1 })
})

test('a connection that nobody has used is given back as it was: it still counts as opened ahead', async () => {
  const { pool } = await pooled()
  await pool.prewarm(1)
  const lease = await pool.borrow()
  await lease.release()
  const next = await pool.borrow()
  expect([lease.origin, next.origin]).toEqual(['prewarmed', 'prewarmed'])
  next.socket.write('.')
  await next.release()
  expect(pool.stats()).toMatchObject({ idle: 0, closed: { spent: 1 } })
})

test('a TLS connection that nobody has used is given back as it was, though its session tickets come meanwhile', async () => {
  const { pool } = await pooled({}, () => {}, 'tls')
  await pool.prewarm(1)
  const lease = await pool.borrow()
  lease.socket.read(0)
  await settled()
  await lease.release()
  const next = await pool.borrow()
  expect([lease.origin, next.origin]).toEqual(['prewarmed', 'prewarmed'])
  next.discard()
})

test('a connection that has greeted a lease serves no second one', async () => {
  const { pool, peer } = await pooled()
  await pool.prewarm(1)
  await (await peer(0)).write('welcome')
  await settled()
  const lease = await pool.borrow()
  expect(await consumers.data?.(lease, 7)).toBe('welcome')
  await lease.release()
  expect(pool.stats()).toMatchObject({ idle: 0, closed: { spent: 1 } })
})
