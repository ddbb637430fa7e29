import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { client } from '../../../core/test/support/upstream.js'
import { lines, pooled, relayed } from './pooled.js'

// What a silent upstream is: packages/cli/test/real/silent-upstream.test.ts, for it takes a network that drops.

const BIG = Buffer.alloc(16 * 1024 * 1024, '.')

test.each(['reused', 'prewarmed'] as const)(
  'a %s connection whose upstream takes its time for the first answer is not taken for dead',
  async (origin) => {
    const { pool, peer } = await pooled({
      connectTimeoutMs: 200,
      ...(origin === 'reused' ? { reuse: lines } : { prewarm: 1 }),
    })
    const relay = await relayed(pool)
    if (origin === 'reused') {
      const first = await client(relay.address)
      await first.write('one\n')
      await (await peer(0)).arrived(4)
      await (await peer(0)).write('one\n')
      await first.arrived(4)
      first.end()
      await first.received
    }
    await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(1)
    const caller = await client(relay.address)
    await caller.write('two\n')
    const served = await peer(0)
    await served.arrived(origin === 'reused' ? 8 : 4)
    await sleep(1_500)
    await served.write('two\n')
    await caller.arrived(4)
    expect(pool.stats().lent[origin]).toBe(1)
    expect(pool.stats().closed.silent).toBe(undefined)
    caller.end()
    if (origin === 'prewarmed') served.end()
    await relay.result(origin === 'reused' ? 1 : 0)
  },
)

test('a prewarmed connection whose upstream does not read what it is sent is not taken for dead', async () => {
  const { pool, peer } = await pooled({ prewarm: 1, connectTimeoutMs: 200 }, ({ socket }) => socket.pause())
  const relay = await relayed(pool)
  await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(1)
  const caller = await client(relay.address)
  caller.end(BIG)
  await sleep(1_500)
  const served = await peer(0)
  served.socket.resume()
  expect(await served.received).toMatchObject({ bytes: BIG.length, ending: 'fin' })
  served.end('got it')
  expect(await caller.received).toMatchObject({ bytes: 6, ending: 'fin' })
  expect(await relay.result(0)).toMatchObject({ reason: 'client-end' })
})
