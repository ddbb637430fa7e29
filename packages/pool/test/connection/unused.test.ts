import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import type { Peer } from '../../../core/test/support/peer.js'
import { client } from '../../../core/test/support/upstream.js'
import { pooled, relayed } from './pooled.js'

/** Resolves when a pool gives up opening connections in vain. */
function gaveUp(): Promise<void> {
  return new Promise((resolve) => {
    const onTold = (message: unknown): void => {
      if ((message as { heldBack?: string }).heldBack === 'unused') resolve()
    }
    subscribe('relay:pool:prewarm', onTold)
    onTestFinished(() => void unsubscribe('relay:pool:prewarm', onTold))
  })
}

/** Greets, as a database does, and waits for a log-in: for so long. */
function greeting(silentMs: number): (peer: Peer) => void {
  return ({ socket }) => {
    socket.write('ready\n')
    const timer = silentMs > 0 ? setTimeout(() => socket.end(), silentMs) : undefined
    socket.on('close', () => clearTimeout(timer)).on('end', () => socket.end())
    socket.once('data', () => {
      clearTimeout(timer)
      socket.write('welcome\n')
    })
  }
}

test.each([
  ['the upstream closes', 8, 20, {}],
  ['the pool closes behind their greeting', 8, 0, { prewarmMaxAgeMs: 20 }],
  ['the pool closes behind their greeting', 'auto', 0, { prewarmMaxAgeMs: 20 }],
] as const)(
  'of connections that %s (prewarm %s) sixteen are opened in vain, then none before a client has sent something',
  async (_who, prewarm, silentMs, options) => {
    const given = gaveUp()
    const { pool, server, peer } = await pooled({ prewarm, ...options }, greeting(silentMs))
    await given
    await (await peer(15)).closed()
    expect(server.accepted).toBe(16)
    expect(pool.stats()).toMatchObject({ prewarmTarget: 0, created: 16 })
    const relay = await relayed(pool)
    // One who looks whether somebody is there.
    const prober = await client(relay.address)
    await prober.arrived('ready\n'.length)
    prober.end()
    await relay.result(0)
    expect(pool.stats()).toMatchObject({ prewarmTarget: 0, created: 17 })
    const caller = await client(relay.address)
    await caller.write('let me in\n')
    await caller.arrived('ready\nwelcome\n'.length)
    await peer(18)
    await expect.poll(() => pool.stats().created, { timeout: 10_000 }).toBeGreaterThan(18)
    caller.end()
    await relay.result(1)
  },
)

test.each([2, 'auto'] as const)(
  'an SSH server is given none ahead (prewarm %s), and no session misses its greeting',
  async (prewarm) => {
    const { pool, server } = await pooled({ prewarm }, ({ socket }) => {
      socket.write('SSH-2.0-Test\r\n')
      socket.on('end', () => socket.end())
    })
    await expect.poll(() => pool.stats().closed.ssh, { timeout: 10_000 }).toBeGreaterThan(0)
    await expect.poll(() => pool.stats(), { timeout: 10_000 }).toMatchObject({ total: 0, prewarmTarget: 0 })
    const { accepted } = server
    const relay = await relayed(pool)
    for (let round = 0; round < 5; round++) {
      const caller = await client(relay.address)
      await caller.write('SSH-2.0-Client\r\n')
      await caller.arrived('SSH-2.0-Test\r\n'.length)
      caller.end()
      await relay.result(round)
    }
    expect(server.accepted).toBe(accepted + 5)
  },
)
