import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { later } from '../../../core/test/support/later.js'
import { sha256 } from '../../../core/test/support/peer.js'
import { client, echo } from '../../../core/test/support/upstream.js'
import { type ConnectionPool, connectionPool } from '../../src/index.js'
import { oneAtATime } from './one-at-a-time.js'
import { pooled, relayed } from './pooled.js'

// A client that waits behind an idle connection waits for longer than a test may take.
const KEPT = { prewarmMaxAgeMs: 0, idleTimeoutMs: 0 }

function heldBack(): (string | undefined)[] {
  const told: (string | undefined)[] = []
  const onTold = (message: unknown): void => void told.push((message as { heldBack?: string }).heldBack)
  subscribe('relay:pool:prewarm', onTold)
  onTestFinished(() => void unsubscribe('relay:pool:prewarm', onTold))
  return told
}

function poolOf(target: { host: string; port: number }, prewarm: number | 'auto'): ConnectionPool {
  const pool = connectionPool({ dial: target, prewarm, ...KEPT })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  return pool
}

async function ask(address: Parameters<typeof client>[0], line = 'hello'): Promise<void> {
  const caller = await client(address)
  await caller.write(line)
  expect(await caller.received).toMatchObject({ hash: sha256(line), ending: 'fin' })
  caller.end()
}

describe.each<number | 'auto'>(['auto', 1, 8])('a server with one worker behind prewarm %s', (prewarm) => {
  test('is given no connection ahead as soon as that is known, without any client: others are served', async () => {
    const server = await oneAtATime()
    const told = heldBack()
    const pool = poolOf(server.target, prewarm)
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(['no-room'])
    expect(pool.stats()).toMatchObject({ prewarmTarget: 0, idle: 0 })
    await expect.poll(() => server.silent, { timeout: 10_000 }).toBe(0)
    const relay = await relayed(pool)
    for (let round = 0; round < 20; round++) {
      await ask(server.target)
      await ask(relay.address)
    }
    await relay.result(19)
    expect(pool.stats().lent).toEqual({ dialed: 20, prewarmed: 0, reused: 0 })
    expect(relay.server.stats().closed).toEqual({ 'upstream-end': 20 })
  })

  test('lets no client wait for long: a late answer is enough to find out', async () => {
    const server = await oneAtATime()
    const relay = await relayed(poolOf(server.target, prewarm))
    for (let round = 0; round < 20; round++) await ask(relay.address)
    await Promise.all(Array.from({ length: 20 }, () => ask(relay.address)))
    await relay.result(39)
    expect(relay.server.stats().closed).toEqual({ 'upstream-end': 40 })
  })

  test('is tried again with a client after a minute, and has connections ahead again when it has room', async () => {
    const server = await oneAtATime()
    const told = heldBack()
    const pool = poolOf(server.target, prewarm)
    const relay = await relayed(pool)
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(['no-room'])
    later(60_000)
    await ask(relay.address)
    // Nothing has changed: the guest was not noticed.
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(['no-room', undefined, 'no-room'])
    server.serveAll()
    await ask(relay.address)
    expect(pool.stats().prewarmTarget).toBe(0)
    later(180_000)
    await ask(relay.address)
    await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBeGreaterThan(0)
    await ask(relay.address)
    expect(pool.stats().lent.prewarmed).toBeGreaterThan(0)
    expect(told.at(-1)).toBe(undefined)
  })
})

test('a server that has room no more, after it had, is found out by a late answer', async () => {
  const told = heldBack()
  const [roomy, narrow] = [await oneAtATime(), await oneAtATime()]
  roomy.serveAll()
  let { target } = roomy
  const pool = connectionPool({ dial: async () => connect(target), prewarm: 8, ...KEPT })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  await expect.poll(() => pool.stats().closed.guest, { timeout: 10_000 }).toBe(1)
  await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(8)
  target = narrow.target
  const relay = await relayed(pool)
  // As many are idle as before: that alone is no reason to ask again.
  await Promise.all(Array.from({ length: 8 }, () => ask(relay.address)))
  await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(8)
  expect(told).toEqual([])
  await ask(relay.address)
  await expect.poll(() => told, { timeout: 10_000 }).toEqual(['no-room'])
  for (let round = 0; round < 10; round++) await ask(relay.address)
})

test('a server with room keeps its idle connections, but for one guest, though its answers take long', async () => {
  const { pool, server } = await pooled({ prewarm: 4, ...KEPT }, async (peer) => {
    peer.socket.on('end', () => peer.socket.end())
    await peer.arrived(1)
    await sleep(600)
    peer.socket.write('at last')
  })
  const relay = await relayed(pool)
  await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(4)
  for (let round = 0; round < 3; round++) {
    const caller = await client(relay.address)
    await caller.write('?')
    await caller.arrived('at last'.length)
    caller.end()
    await relay.result(round)
  }
  expect(pool.stats().lent).toEqual({ prewarmed: 3, dialed: 0, reused: 0 })
  const { guest, ...closed } = pool.stats().closed
  // Each of them lives.
  expect(closed).toEqual({ spent: 3 })
  expect(guest).toBeGreaterThan(0)
  expect(server.accepted).toBe(4 + 3 + (guest ?? 0))
})

test('a server that answers no FIN has its connections ahead again at once', async () => {
  const { pool } = await pooled({ prewarm: 4, ...KEPT }, (peer) => {
    peer.socket.once('data', () => echo(peer))
  })
  await expect.poll(() => pool.stats().closed['no-room'], { timeout: 10_000 }).toBe(4)
  await expect.poll(() => pool.stats(), { timeout: 10_000 }).toMatchObject({ idle: 4, prewarmTarget: 4 })
})

test('a server that greets is sent no guest: it has shown that it serves each of them', async () => {
  const { pool, server } = await pooled({ prewarm: 3, ...KEPT }, (peer) => peer.socket.write('220 ready\n'))
  await expect.poll(() => pool.stats().idle, { timeout: 10_000 }).toBe(3)
  await sleep(1_500)
  expect(server.accepted).toBe(3)
})

test('a pool that is closed while a guest is out ends, and leaves nothing open', async () => {
  const server = await oneAtATime()
  const pool = poolOf(server.target, 2)
  await expect.poll(() => pool.stats().closed.guest, { interval: 5, timeout: 10_000 }).toBe(1)
  await pool.close()
  expect(pool.stats()).toMatchObject({ total: 0 })
})
