import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { ConnectionLease } from '@relay/core/connector'
import { expect, onTestFinished, test } from 'vitest'
import { client } from '../../../core/test/support/upstream.js'
import type { ConnectionPoolStats } from '../../src/index.js'
import { type Kind, lines, listenerCounts, pooled, relayed } from './pooled.js'

function listen(name: string): unknown[] {
  const messages: unknown[] = []
  const note = (message: unknown): void => void messages.push(message)
  subscribe(name, note)
  onTestFinished(() => void unsubscribe(name, note))
  return messages
}

function expectSums(stats: ConnectionPoolStats): void {
  const { borrows, hits, misses, timeouts, aborted, failed, refused, waiting, lent } = stats
  expect(hits + misses + timeouts + aborted + failed + refused + waiting).toBe(borrows)
  expect(lent.dialed).toBe(misses)
  expect(lent.prewarmed + lent.reused).toBe(hits)
  const { created, detached, idle, checking, leased, closed } = stats
  const ended = Object.values(closed).reduce((sum, count) => sum + count, 0)
  expect(idle + checking + leased + detached + ended).toBe(created)
}

test('each dial, borrow and close is published, with where from, how long and why', async () => {
  const [dials, borrows, closes] = ['dial', 'borrow', 'close'].map((name) => listen(`relay:pool:${name}`))
  const { pool, peer } = await pooled({ reuse: 'trust' })
  await pool.prewarm(1)
  expect(dials).toEqual([{ dialMs: expect.any(Number) }])
  const first = await pool.borrow()
  first.socket.write('.')
  await first.release()
  const second = await pool.borrow()
  const third = await pool.borrow()
  second.discard()
  third.socket.write('.')
  await (await peer(1)).arrived(1)
  await third.release()
  ;(await peer(1)).end()
  await expect.poll(() => closes?.length, { timeout: 10_000 }).toBe(2)
  expect(borrows).toEqual(
    ['prewarmed', 'reused', 'dialed'].map((origin) => ({ origin, waitMs: expect.any(Number) })),
  )
  expect(closes).toEqual(['spent', 'upstream-end'].map((reason) => ({ reason, ageMs: expect.any(Number) })))
  expect(dials).toHaveLength(2)
  for (const { waitMs } of borrows as { waitMs: number }[]) expect(waitMs).toBeGreaterThanOrEqual(0)
})

test('the stats add up, whatever becomes of borrows and connections', async () => {
  const { pool, peer } = await pooled({ reuse: 'trust', max: 3, maxWaiters: 2, maxUses: 4, maxIdle: 2 })
  const held = [await pool.borrow(), await pool.borrow(), await pool.borrow()]
  const aborting = new AbortController()
  const waits = [pool.borrow({ timeoutMs: 10 }), pool.borrow({ signal: aborting.signal }), pool.borrow()]
  const settled = Promise.allSettled(waits)
  aborting.abort(new Error('never mind'))
  expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  expectSums(pool.stats())
  held[0]?.socket.write('.')
  await held[0]?.release()
  held[1]?.discard()
  held[2]?.detach().destroy()
  expectSums(pool.stats())
  for (let round = 0; round < 10; round++) {
    await pool.use(({ socket }) => void socket.write('.'))
    expectSums(pool.stats())
  }
  await expect(pool.use(() => Promise.reject(new Error('no good')))).rejects.toThrow('no good')
  await (await peer(0)).received
  await pool.close()
  expectSums(pool.stats())
  expect(pool.stats()).toMatchObject({ timeouts: 1, aborted: 1, refused: 1, detached: 1, total: 0 })
  expect(Object.isFrozen(pool.stats())).toBe(true)
})

test.each<Kind>(['tcp', 'tls'])(
  '1,000 leases leave the listeners of the raw socket as they were (%s)',
  async (kind) => {
    const { pool } = await pooled(
      { reuse: lines },
      ({ socket }) => socket.on('data', () => socket.write('answer\n')),
      kind,
    )
    const raw = async (index: number): Promise<Record<string, number>> => {
      const lease = await pool.borrow()
      if (!(lease instanceof ConnectionLease)) throw new Error('not a lease of ours')
      const { socket } = lease.connection
      // By hand in one, untouched in the next.
      if (index % 2 === 0) {
        lease.socket.write('ask\n')
        await once(lease.socket, 'data')
      }
      await lease.release()
      return listenerCounts(socket)
    }
    const first = await raw(0)
    for (let index = 1; index < 1_000; index++) expect(await raw(index)).toEqual(first)
    expect(pool.stats()).toMatchObject({ created: 1, lent: { dialed: 1, reused: 999 }, closed: {} })
  },
)

test.each<Kind>(['tcp', 'tls'])(
  'a session counts all that it has sent, though its connection goes on without it (%s)',
  async (kind) => {
    const { pool } = await pooled(
      { reuse: lines },
      ({ socket }) => socket.on('data', (chunk) => socket.write('answer\n'.repeat(chunk.length / 4))),
      kind,
    )
    const relay = await relayed(pool)
    const caller = await client(relay.address)
    await caller.write('ask\n')
    await caller.arrived(7)
    expect(relay.server.sessions()).toMatchObject([{ up: { bytes: 4 }, down: { bytes: 7 } }])
    await caller.write('ask\n')
    await caller.arrived(14)
    caller.end()
    expect(await relay.result(0)).toMatchObject({ up: { bytes: 8 }, down: { bytes: 14 } })
    expect(pool.stats()).toMatchObject({ idle: 1, closed: {} })
  },
)
