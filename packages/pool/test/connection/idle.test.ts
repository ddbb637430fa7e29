import { once } from 'node:events'
import { stat } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Peer } from '../../../core/test/support/peer.js'
import { client } from '../../../core/test/support/upstream.js'
import { type Kind, type Pooled, pooled, relayed } from './pooled.js'

/** A pool with one idle connection that has served once. */
async function idleOnce(kind: Kind = 'tcp', idleTimeoutMs = 60_000): Promise<Pooled & { served: Peer }> {
  const made = await pooled({ reuse: 'trust', idleTimeoutMs }, () => {}, kind)
  const lease = await made.pool.borrow()
  lease.socket.write('.')
  const served = await made.peer(0)
  await served.arrived(1)
  await lease.release()
  expect(made.pool.stats()).toMatchObject({ idle: 1, total: 1 })
  return { ...made, served }
}

const acts: readonly [string, Kind, (peer: Peer) => void, string][] = [
  ['FIN', 'tcp', (peer) => peer.end(), 'upstream-end'],
  ['FIN', 'tls', (peer) => peer.end(), 'upstream-end'],
  ['reset', 'tcp', (peer) => peer.reset(), 'upstream-reset'],
  ['stray byte', 'tcp', (peer) => void peer.write('.'), 'unasked-bytes'],
  ['stray byte', 'tls', (peer) => void peer.write('.'), 'unasked-bytes'],
  ['stray byte and FIN', 'tcp', (peer) => peer.end('.'), 'unasked-bytes'],
  ['stray byte and FIN', 'tls', (peer) => peer.end('.'), 'unasked-bytes'],
]

describe('an idle connection that has served', () => {
  test.each(acts)('is evicted at once by a %s (%s)', async (_what, kind, act, reason) => {
    const { pool, served } = await idleOnce(kind)
    act(served)
    await expect.poll(() => pool.stats().closed, { interval: 2, timeout: 10_000 }).toEqual({ [reason]: 1 })
    await expect.poll(() => pool.stats().total, { interval: 2, timeout: 10_000 }).toBe(0)
    const lease = await pool.borrow()
    expect(lease.origin).toBe('dialed')
    lease.discard()
  })

  const phases: Record<string, () => Promise<unknown>> = {
    poll: () => new Promise<void>((resolve) => stat('/', () => resolve())),
    timers: () => sleep(1),
    check: () => nextTurn(),
  }

  test.each(
    Object.keys(phases).flatMap((phase) =>
      (['FIN', 'reset', 'stray byte'] as const).map((what) => [what, phase] as const),
    ),
  )('is not lent when a %s is in the kernel already (in the %s phase)', async (what, phase) => {
    const { pool, served } = await idleOnce()
    await phases[phase]?.()
    if (what === 'FIN') served.socket.destroy()
    else if (what === 'reset') served.reset()
    else served.socket.write('.')
    expect(pool.tryBorrow()).toBeUndefined()
    const lease = await pool.borrow()
    expect(lease.origin).toBe('dialed')
    lease.discard()
  })

  test('is lent by tryBorrow only in the turn in which it was proven', async () => {
    const { pool } = await idleOnce()
    expect(pool.tryBorrow()).toBeUndefined()
    const lease = await pool.borrow()
    await lease.release()
    const again = pool.tryBorrow()
    expect(again?.origin).toBe('reused')
    await again?.release()
    for (let turn = 0; turn < 3; turn++) await nextTurn()
    expect(pool.tryBorrow()).toBeUndefined()
    expect(pool.stats().idle).toBe(1)
  })
})

test('an unused connection keeps the bytes that come early, and is evicted by FIN', async () => {
  const { pool, peer } = await pooled()
  await pool.prewarm(1)
  const served = await peer(0)
  await served.write('welcome')
  for (let turn = 0; turn < 10; turn++) await nextTurn()
  expect(pool.stats()).toMatchObject({ idle: 1, closed: {} })
  served.end()
  await expect
    .poll(() => pool.stats().closed, { interval: 2, timeout: 10_000 })
    .toEqual({ 'upstream-end': 1 })
})

describe('the idle timeout', () => {
  function spinUntil(time: number): void {
    while (performance.now() < time) {
      // The loop must not run in between.
    }
  }

  async function works(
    made: Pooled,
    index: number,
    lease: Awaited<ReturnType<Pooled['pool']['borrow']>>,
  ): Promise<void> {
    const served = await made.peer(index)
    lease.socket.write('?')
    await expect.poll(() => served.bytes, { interval: 2, timeout: 10_000 }).toBeGreaterThan(0)
    await served.write('!')
    expect(String((await once(lease.socket, 'data'))[0])).toBe('!')
  }

  test('does not touch a connection that was borrowed in the tick before it', async () => {
    for (let round = 0; round < 3; round++) {
      const made = await idleOnce('tcp', 250)
      const borrowing = made.pool.borrow()
      // The timer is due when the loop goes on, and the check is still under way.
      spinUntil(performance.now() + 255)
      const lease = await borrowing
      expect(lease.origin).toBe('reused')
      await sleep(2)
      await works(made, 0, lease)
      lease.discard()
    }
  })

  test('comes before a borrow in the tick in which it is due', async () => {
    const made = await idleOnce('tcp', 20)
    spinUntil(performance.now() + 25)
    const lease = await made.pool.borrow()
    expect(lease.origin).toBe('dialed')
    await works(made, 1, lease)
    lease.discard()
    expect(made.pool.stats().closed).toMatchObject({ 'idle-timeout': 1 })
  })

  test('closes a connection that nobody borrows', async () => {
    const { pool, served } = await idleOnce('tcp', 20)
    expect(await served.received).toMatchObject({ bytes: 1, ending: 'fin' })
    await expect
      .poll(() => pool.stats(), { timeout: 10_000 })
      .toMatchObject({ closed: { 'idle-timeout': 1 }, total: 0 })
  })
})

test.each(['fin', 'destroy'] as const)(
  'an upstream that closes idle connections (%s) in the moment they are borrowed fails none of 120 sessions',
  async (how) => {
    const idleMs = 8
    const { pool } = await pooled({ reuse: 'trust', retryStale: 'replay' }, (peer) => {
      let timer: NodeJS.Timeout | undefined
      peer.socket.on('close', () => clearTimeout(timer))
      peer.socket.on('data', () => {
        clearTimeout(timer)
        peer.socket.write('answer')
        timer = setTimeout(() => (how === 'fin' ? peer.end() : peer.socket.destroy()), idleMs)
      })
    })
    const { address, result } = await relayed(pool)
    for (let session = 0; session < 120; session++) {
      const caller = await client(address)
      await caller.write('ask')
      const served = caller.arrived(6).then(() => true)
      // It may be closed on its client too, if that is slow to leave.
      expect(await Promise.race([served, caller.received.then(() => false)]), `session ${session}`).toBe(true)
      // By its reset the connection is back at once: a FIN is acknowledged first.
      caller.reset()
      await result(session)
      await sleep(idleMs - 3 + (session % 7))
    }
    const { lent, borrows } = pool.stats()
    expect(lent.reused + lent.dialed).toBe(borrows)
  },
)
