import { once } from 'node:events'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { certificate } from '../../../core/test/support/certificate.js'
import type { Peer } from '../../../core/test/support/peer.js'
import { client } from '../../../core/test/support/upstream.js'
import { type ConnectionPool, connectionPool } from '../../src/index.js'
import { lines, type Pooled, pooled, relayed, resettable } from './pooled.js'

const unhandled: unknown[] = []
beforeEach(() => {
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note).on('uncaughtException', note)
  onTestFinished(async () => {
    for (let turn = 0; turn < 5; turn++) await nextTurn()
    process.off('unhandledRejection', note).off('uncaughtException', note)
    expect(unhandled.splice(0)).toEqual([])
  })
})

test.each(['tcp', 'tls'] as const)(
  'max counts closing connections, as the server sees them (%s)',
  async (kind) => {
    const max = 4
    let open = 0
    let peak = 0
    const { pool } = await pooled(
      { max, prewarm: 2, maxIdle: 2 },
      ({ socket }) => {
        open++
        peak = Math.max(peak, open)
        let counted = true
        const gone = (): void => {
          if (counted) open--
          counted = false
        }
        socket.on('end', gone).on('error', gone).on('close', gone)
      },
      kind,
    )
    await Promise.all(
      Array.from({ length: 120 }, async (_unused, index) => {
        const lease = await pool.borrow()
        if (index % 3 === 0) await nextTurn()
        if (index % 2 === 0) lease.discard()
        else await lease.release()
      }),
    )
    expect(peak).toBeLessThanOrEqual(max)
    expect(peak).toBeGreaterThan(1)
    expect(pool.stats().total).toBeLessThanOrEqual(max)
  },
)

test('a hung TLS handshake fails in time, frees its slot, and leaves nothing open', async () => {
  const { key, cert } = certificate()
  const tls = createTlsServer({ key, cert })
  const sockets: Socket[] = []
  const tcp = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    // The first one is never answered.
    if (sockets.length > 1) tls.emit('connection', socket)
    else socket.resume()
  })
  tls.on('secureConnection', (socket) => void socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    tcp.close()
  })
  const { port } = tcp.address() as { port: number }
  const dial = { host: '127.0.0.1', port, tls: { ca: cert } }
  const pool = connectionPool({ dial, max: 1, connectTimeoutMs: 150 })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  await expect(pool.borrow()).rejects.toMatchObject({
    code: 'ERR_POOL_CREATE_FAILED',
    cause: { code: 'ERR_RELAY_CONNECT_TIMEOUT' },
  })
  const [hung] = sockets
  if (!hung?.closed) await once(hung as Socket, 'close')
  expect(pool.stats()).toMatchObject({ total: 0, createFailed: 1 })
  const lease = await pool.borrow()
  expect(lease.origin).toBe('dialed')
  lease.discard()
})

test('a connection is lent maxUses times, and not once more', async () => {
  const { pool } = await pooled({ reuse: 'trust', maxUses: 3 })
  const origins: string[] = []
  for (let use = 0; use < 7; use++) {
    const lease = await pool.borrow()
    origins.push(lease.origin)
    lease.socket.write('.')
    await lease.release()
  }
  expect(origins.map((origin) => origin[0]).join('')).toBe('drrdrrd')
  expect(pool.stats()).toMatchObject({ closed: { 'max-uses': 2 } })
})

test('maxLifetimeMs ends an idle connection, and a lent one when it comes back', async () => {
  const { pool, peer } = await pooled({ reuse: 'trust', maxLifetimeMs: 40, lifetimeJitter: 0 })
  const lease = await pool.borrow()
  lease.socket.write('one')
  const lent = await peer(0)
  await lent.arrived(3)
  const idle = await pool.borrow()
  await idle.release()
  expect(await (await peer(1)).received).toMatchObject({ ending: 'fin' })
  expect(pool.stats()).toMatchObject({ leased: 1, idle: 0, closed: { 'max-lifetime': 1 } })
  lease.socket.write('two')
  await lent.arrived(6)
  await lease.release()
  await expect
    .poll(() => pool.stats(), { timeout: 10_000 })
    .toMatchObject({ leased: 0, idle: 0, closed: { 'max-lifetime': 2 } })
})

type State = readonly [string, (world: World) => Promise<void>]

interface World {
  readonly pool: ConnectionPool
  peer(index: number): Promise<Peer>
  /** What a step left to settle. */
  readonly pending: Promise<unknown>[]
}

function worldOf({ pool, peer }: Pooled): World {
  return { pool, peer, pending: [] }
}

function pend(world: World, promise: Promise<unknown>): void {
  promise.catch(() => {})
  world.pending.push(promise)
}

/** Gives back what is lent still. */
async function endAll(world: World): Promise<void> {
  for (const result of await Promise.allSettled(world.pending)) {
    if (result.status === 'fulfilled') (result.value as { discard(): void } | undefined)?.discard()
  }
}

async function use(world: World, sent: string): Promise<Awaited<ReturnType<ConnectionPool['borrow']>>> {
  const lease = await world.pool.borrow()
  pend(world, Promise.resolve(lease))
  lease.socket.on('error', () => {}).write(sent)
  await (await world.peer(0)).arrived(sent.length)
  return lease
}

async function idle(world: World): Promise<void> {
  const lease = await use(world, 'ask\n')
  const answered = once(lease.socket, 'data')
  await (await world.peer(0)).write('answer\n')
  await answered
  await lease.release()
  expect(world.pool.stats().idle).toBe(1)
}

const states: readonly State[] = [
  ['dialing', async (world) => pend(world, world.pool.borrow())],
  ['opened ahead', async (world) => void (await world.pool.prewarm(1))],
  ['idle', idle],
  [
    'under check',
    async (world) => {
      await idle(world)
      pend(world, world.pool.borrow())
      expect(world.pool.stats().checking).toBe(1)
    },
  ],
  ['leased, and nobody reads', async (world) => void (await use(world, 'ask\n'))],
  ['leased, and read', async (world) => void (await use(world, 'ask\n')).socket.resume()],
  [
    'being reset',
    async (world) => {
      const lease = await use(world, 'set\n')
      const answered = once(lease.socket, 'data')
      await (await world.peer(0)).write('done\n')
      await answered
      pend(world, lease.release())
      await (await world.peer(0)).arrived('set\nreset\n'.length)
    },
  ],
]

describe.each(states)('while a connection is %s', (_state, enter) => {
  test('a reset of its upstream is no unhandled error, and the pool goes on', async () => {
    const made = await pooled({ reuse: resettable })
    const { pool, peer, server } = made
    const world = worldOf(made)
    await enter(world)
    const served = await peer(0)
    served.reset()
    await served.closed()
    await Promise.allSettled(world.pending)
    const fresh = await pool.borrow({ fresh: true })
    expect(fresh.origin).toBe('dialed')
    expect(server.accepted).toBeGreaterThan(1)
    fresh.discard()
    await expect.poll(() => pool.stats().idle, { interval: 2, timeout: 10_000 }).toBe(0)
    await endAll(world)
  })

  test.each([0, 30])('close({ graceMs: %i }) ends, and leaves nothing open', async (graceMs) => {
    const made = await pooled({ reuse: resettable, max: 1 })
    const { pool } = made
    const world = worldOf(made)
    await enter(world)
    pend(world, pool.borrow())
    await pool.close({ graceMs })
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' })
    await endAll(world)
    expect(pool.stats()).toMatchObject({ idle: 0, checking: 0, dialing: 0, waiting: 0 })
  })
})

test('what is lent when the pool closes is closed when it comes back', async () => {
  const { pool, peer } = await pooled({ reuse: lines })
  const lease = await pool.borrow()
  await pool.close({ graceMs: 0 })
  await lease.release()
  expect(await (await peer(0)).received).toMatchObject({ bytes: 0, ending: 'fin' })
  expect(pool.stats()).toMatchObject({ total: 0, closed: { closed: 1 } })
})

test('a full pool turns a session away as pool-exhausted when the borrower has waited long enough', async () => {
  const { pool } = await pooled({ max: 1, borrowTimeoutMs: 30 })
  const { address, result, server } = await relayed(pool)
  const lease = await pool.borrow()
  const caller = await client(address)
  expect(await caller.received).toMatchObject({ bytes: 0, ending: 'reset' })
  expect(await result(0)).toMatchObject({ reason: 'pool-exhausted' })
  expect(server.stats().active).toBe(0)
  lease.discard()
})
