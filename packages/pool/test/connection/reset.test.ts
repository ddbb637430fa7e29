import type { Lease, ProofState, ReuseRule } from '@relay/core'
import { describe, expect, test } from 'vitest'
import type { Peer } from '../../../core/test/support/peer.js'
import { type Kind, type Pooled, pooled } from './pooled.js'

/** `set` makes dirty, `reset` asks to be cleaned: `ok` does, `no` does not, anything else is foreign. */
function rule(timeoutMs = 60_000): ReuseRule {
  return {
    name: 'set and reset',
    reset: { send: Buffer.from('reset\n'), timeoutMs },
    open: () => {
      let state: ProofState = 'idle'
      return {
        up(chunk) {
          state = String(chunk) === 'reset\n' ? 'busy' : 'dirty'
        },
        down(chunk) {
          const answer = String(chunk)
          if (answer.endsWith('ok\n')) state = 'idle'
          else if (answer === 'no\n') state = 'tainted'
          return /^[.]*(ok\n|no\n)?$/.test(answer)
        },
        get state() {
          return state
        },
      }
    },
  }
}

async function dirty(timeoutMs?: number, kind?: Kind): Promise<Pooled & { lease: Lease; served: Peer }> {
  const made = await pooled({ reuse: rule(timeoutMs) }, () => {}, kind)
  const lease = await made.pool.borrow()
  lease.socket.write('set')
  const served = await made.peer(0)
  await served.arrived(3)
  return { ...made, lease, served }
}

const SENT = 'setreset\n'.length

describe.each<Kind>(['tcp', 'tls'])('a dirty connection (%s)', (kind) => {
  test('is reset when it comes back, and kept when it is idle again', async () => {
    const { pool, lease, served } = await dirty(60_000, kind)
    const released = lease.release()
    await served.arrived(SENT)
    expect(pool.stats()).toMatchObject({ idle: 0, leased: 1 })
    await served.write('...')
    await served.write('ok\n')
    await released
    await expect.poll(() => pool.stats(), { timeout: 10_000 }).toMatchObject({ idle: 1, leased: 0 })
    const next = await pool.borrow()
    expect([next.origin, next.proof?.state]).toEqual(['reused', 'idle'])
    await next.release()
    expect(served.bytes).toBe(SENT)
  })

  test('is evicted by what comes behind the answer to its reset', async () => {
    const { pool, lease, served } = await dirty(60_000, kind)
    void lease.release()
    await served.arrived(SENT)
    await served.write('ok\n')
    await expect.poll(() => pool.stats().idle, { interval: 2, timeout: 10_000 }).toBe(1)
    await served.write('more\n')
    await expect
      .poll(() => pool.stats(), { interval: 2, timeout: 10_000 })
      .toMatchObject({ idle: 0, closed: { 'unasked-bytes': 1 } })
  })

  test.each<[string, (peer: Peer) => unknown]>([
    ['the reset is refused', (peer) => peer.write('no\n')],
    ['something answers that was not asked for', (peer) => peer.write('hello\n')],
    ['FIN comes instead', (peer) => peer.end()],
    ['the connection is gone', (peer) => peer.socket.destroy()],
  ])('is spent when %s', async (_what, answer) => {
    const { pool, lease, served } = await dirty(60_000, kind)
    const released = lease.release()
    await served.arrived(SENT)
    answer(served)
    await released
    await expect
      .poll(() => pool.stats(), { timeout: 10_000 })
      .toMatchObject({ idle: 0, total: 0, closed: { 'reset-failed': 1 } })
    const next = await pool.borrow()
    expect(next.origin).toBe('dialed')
    next.discard()
  })

  test('is spent when no answer comes in time', async () => {
    const { pool, lease, served } = await dirty(30, kind)
    await lease.release()
    expect((await served.received).bytes).toBe(SENT)
    await expect
      .poll(() => pool.stats(), { timeout: 10_000 })
      .toMatchObject({ idle: 0, total: 0, closed: { 'reset-failed': 1 } })
  })
})

test('a connection is lent to nobody while it is reset', async () => {
  const { pool, lease, served } = await dirty()
  void lease.release()
  await served.arrived(SENT)
  const other = await pool.borrow()
  expect(other.origin).toBe('dialed')
  await served.write('ok\n')
  await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(1)
  other.discard()
})

test('a waiting borrower is served by the connection that was reset', async () => {
  const made = await pooled({ reuse: rule(), max: 1 })
  const lease = await made.pool.borrow()
  const waiting = made.pool.borrow()
  lease.socket.write('set')
  const served = await made.peer(0)
  await served.arrived(3)
  void lease.release()
  await served.arrived(SENT)
  await served.write('ok\n')
  const next = await waiting
  expect(next.origin).toBe('reused')
  next.discard()
})

test('a dirty connection of a rule without a reset is spent', async () => {
  const { open, name } = rule()
  const { pool, peer } = await pooled({ reuse: { name, open } })
  const lease = await pool.borrow()
  lease.socket.write('set')
  await (await peer(0)).arrived(3)
  await lease.release()
  expect(pool.stats()).toMatchObject({ idle: 0, closed: { dirty: 1 } })
})

test.each<ProofState>(['busy', 'partial', 'tainted'])(
  'a %s connection is spent, and says why',
  async (state) => {
    const { pool } = await pooled({
      reuse: { ...rule(), open: () => ({ up: () => {}, down: () => true, state }) },
    })
    const lease = await pool.borrow()
    lease.socket.write('.')
    await lease.release()
    expect(pool.stats()).toMatchObject({ idle: 0, closed: { [state]: 1 } })
  },
)
