import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { certificate } from '../../../core/test/support/certificate.js'
import { type Peer, sha256 } from '../../../core/test/support/peer.js'
import { upstream } from '../../../core/test/support/upstream.js'
import { type ConnectionPool, connectionPool } from '../../src/index.js'

const KIB = 1024

/** The server runs in this process: a few turns, and the pool has read what it reads of a greeting. */
async function bytesOnTheirWay(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn()
}

describe.each(['tcp', 'tls'])('a connection opened ahead (%s)', (kind) => {
  async function warm(onPeer: (peer: Peer) => void): Promise<ConnectionPool> {
    const { key, cert } = certificate()
    const { target } = await upstream(onPeer, kind === 'tls' ? { key, cert } : undefined)
    const dial = kind === 'tls' ? { ...target, tls: { ca: cert } } : target
    const pool = connectionPool({ dial, prewarm: 1 })
    onTestFinished(() => pool.close({ graceMs: 0 }))
    await pool.prewarm(1)
    await expect.poll(() => pool.stats().idle).toBe(1)
    return pool
  }

  test('is the one that is lent: the refill for it does not overtake it', async () => {
    const pool = await warm(() => {})
    for (let round = 0; round < 20; round++) {
      await expect.poll(() => pool.stats().idle).toBe(1)
      const lease = await pool.borrow()
      expect(lease.origin).toBe('prewarmed')
      lease.discard()
    }
    expect(pool.stats()).toMatchObject({ hits: 20, misses: 0, lent: { prewarmed: 20, dialed: 0, reused: 0 } })
  })

  test.each([1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, 300 * KIB])(
    'is lent with its greeting of %i bytes, which arrives whole',
    async (bytes) => {
      const greeting = Buffer.alloc(bytes, 'greetings! ')
      let accepted = 0
      const pool = await warm((peer) => {
        accepted++
        // The refill may be cut off before it has taken all of its own.
        peer.socket.write(greeting)
      })
      await expect.poll(() => accepted).toBe(1)
      await bytesOnTheirWay()
      const lease = await pool.borrow()
      onTestFinished(() => lease.discard())
      expect(lease.origin).toBe('prewarmed')
      const chunks: Buffer[] = []
      for await (const chunk of lease.socket) {
        chunks.push(chunk)
        if (chunks.reduce((sum, { length }) => sum + length, 0) >= bytes) break
      }
      expect(sha256(Buffer.concat(chunks))).toBe(sha256(greeting))
    },
  )
})
