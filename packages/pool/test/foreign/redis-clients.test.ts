import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { type ConnectionPool, connectionPool, redis } from '../../src/index.js'
import { RedisProcess, withoutRedis } from './redis-process.js'
import { relayed } from './relayed.js'

// On a busy machine; no test depends on it.
const TIMEOUT_MS = 120_000
const SESSIONS = 1_000
const AT_ONCE = 10
const MOST_CONNECTIONS = 50

async function relayToRedis(): Promise<{ pool: ConnectionPool; port: number }> {
  const server = await RedisProcess.start()
  const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
  return { pool, port: await relayed(pool) }
}

/** Plays sessions, some at a time; resolves with the values that were not what their session had written. */
async function foreignValues(session: (own: string) => Promise<string | null>): Promise<string[]> {
  const foreign: string[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < SESSIONS) {
      const own = `value of session ${next++}`
      const found = await session(own)
      if (found !== own) foreign.push(`${own}: ${found}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return foreign
}

function report(client: string, { created, lent, closed }: ReturnType<ConnectionPool['stats']>): void {
  console.log(`${client}: ${JSON.stringify({ sessions: SESSIONS, opened: created, lent, closed })}`)
}

test.skipIf(withoutRedis)(
  'serves 1,000 sessions of @redis/client, as it comes, on a few connections',
  async () => {
    const { pool, port } = await relayToRedis()
    const foreign = await foreignValues(async (own) => {
      const client = createClient({ url: `redis://127.0.0.1:${port}` })
      await client.connect()
      await client.set(own, own)
      const found = await client.get(own)
      await client.close()
      return found
    })
    report('@redis/client', pool.stats())
    expect(foreign).toEqual([])
    expect(pool.stats().created).toBeLessThanOrEqual(MOST_CONNECTIONS)
  },
  TIMEOUT_MS,
)

test.skipIf(withoutRedis)(
  'serves 1,000 sessions of ioredis, as it comes, on a few connections',
  async () => {
    const { pool, port } = await relayToRedis()
    const foreign = await foreignValues(async (own) => {
      const client = new Redis(port)
      await client.set(own, own)
      const found = await client.get(own)
      client.disconnect()
      return found
    })
    report('ioredis', pool.stats())
    expect(foreign).toEqual([])
    expect(pool.stats().created).toBeLessThanOrEqual(MOST_CONNECTIONS)
  },
  TIMEOUT_MS,
)

test.skipIf(withoutRedis)(
  'shares the connections of clients that send QUIT, which is answered OK',
  async () => {
    const { pool, port } = await relayToRedis()
    for (let session = 0; session < 5; session++) {
      const client = new Redis(port)
      const own = `value of session ${session}`
      await client.set('key', own)
      expect(await client.get('key')).toBe(own)
      expect(await client.quit()).toBe('OK')
      // The next one may come before the relay has noticed.
      await expect.poll(() => pool.stats().leased).toBe(0)
    }
    const { created, lent } = pool.stats()
    expect({ created, reused: lent.reused }).toEqual({ created: 1, reused: 4 })
  },
  TIMEOUT_MS,
)
