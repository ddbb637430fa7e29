import { expect, test } from 'vitest'
import { type ConnectionPool, connectionPool, redis } from '../../src/index.js'
import { RedisProcess, withoutRedis } from './redis-process.js'
import { relayed } from './relayed.js'
import { bulk, request } from './resp.js'
import { Visitor } from './visitor.js'

// On a busy machine; no test depends on it.
const TIMEOUT_MS = 120_000
const SESSIONS = 100

/** Clients that all hold a connection at the same time: each asks once, and leaves when all have their answer. */
async function allAtOnce(port: number, round: string): Promise<void> {
  const names = Array.from({ length: SESSIONS }, (_, index) => `${round} ${index}`)
  const visitors = names.map((name) => {
    const visitor = new Visitor(port, 0)
    visitor.write(request(['ECHO', name]))
    return visitor
  })
  await Promise.all(visitors.map((visitor) => visitor.until(() => visitor.replies > 0)))
  for (const visitor of visitors) visitor.leave('fin')
  await Promise.all(visitors.map((visitor) => visitor.until(() => false)))
  expect(visitors.map(({ received }) => received)).toEqual(names.map(bulk))
}

async function serverAndPool(): Promise<{ server: RedisProcess; pool: ConnectionPool; port: number }> {
  const server = await RedisProcess.start()
  const dial = { host: '127.0.0.1', port: server.port }
  const pool = connectionPool({ dial, reuse: redis(), maxIdle: SESSIONS, maxDialing: SESSIONS })
  return { server, pool, port: await relayed(pool) }
}

async function restart(server: RedisProcess): Promise<void> {
  await server.kill()
  await server.start()
}

/** The dead ones were closed for their end, and no session needed a second connection. */
function expectNoneLentDead(pool: ConnectionPool, sessions: number): void {
  const { closed, created, lent } = pool.stats()
  expect((closed['upstream-end'] ?? 0) + (closed['upstream-reset'] ?? 0)).toBe(SESSIONS)
  expect(created).toBeGreaterThanOrEqual(2 * SESSIONS)
  expect(lent.dialed + lent.prewarmed + lent.reused).toBe(sessions)
}

test.skipIf(withoutRedis)(
  'serves the next 100 clients after 100 connections opened ahead have died',
  async () => {
    const { server, pool, port } = await serverAndPool()
    await pool.prewarm(SESSIONS)
    expect(pool.stats()).toMatchObject({ idle: SESSIONS, created: SESSIONS })
    await restart(server)
    await allAtOnce(port, 'after')
    expectNoneLentDead(pool, SESSIONS)
  },
  TIMEOUT_MS,
)

test.skipIf(withoutRedis)(
  'serves the next 100 clients after 100 used connections have died',
  async () => {
    const { server, pool, port } = await serverAndPool()
    await pool.prewarm(SESSIONS)
    await allAtOnce(port, 'before')
    await expect.poll(() => pool.stats().idle).toBe(SESSIONS)
    expect(pool.stats()).toMatchObject({ created: SESSIONS, lent: { prewarmed: SESSIONS } })
    await restart(server)
    await allAtOnce(port, 'after')
    expectNoneLentDead(pool, 2 * SESSIONS)
  },
  TIMEOUT_MS,
)
