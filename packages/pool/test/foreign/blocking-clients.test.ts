import { expect, onTestFinished, test } from 'vitest'
import { connectionPool, redis } from '../../src/index.js'
import { RedisProcess, withoutRedis } from './redis-process.js'
import { relayed } from './relayed.js'
import { request } from './resp.js'
import { Visitor } from './visitor.js'

// On a busy machine; no test depends on it.
const TIMEOUT_MS = 120_000
// Far less than the FIN of a client whose answer is only late may be withheld.
const SOON_MS = 1_000

const blocking: readonly (readonly string[])[] = [
  ['BLPOP', 'list', '0'],
  ['brpop', 'other', 'list', '0'],
  ['BRPOPLPUSH', 'list', 'taken', '0'],
  ['BLMOVE', 'list', 'taken', 'LEFT', 'RIGHT', '0'],
  ['BLMPOP', '0', '1', 'list', 'LEFT'],
  ['BZPOPMIN', 'set', '0'],
  ['bzpopmax', 'set', '0'],
  ['BZMPOP', '0', '1', 'set', 'MIN'],
  ['XREAD', 'BLOCK', '0', 'STREAMS', 'stream', '$'],
  ['xreadgroup', 'group', 'readers', 'one', 'count', '1', 'block', '0', 'streams', 'stream', '>'],
  ['WAIT', '1', '0'],
]

/** A connection of its own to ask with. */
async function asking(port: number): Promise<(...parts: readonly string[]) => Promise<string>> {
  const visitor = new Visitor(port, 0)
  onTestFinished(() => visitor.leave('reset'))
  await visitor.connected()
  return async (...parts) => {
    const [replies, bytes] = [visitor.replies, visitor.received.length]
    visitor.write(request(parts))
    await visitor.until(() => visitor.replies > replies)
    return visitor.received.slice(bytes)
  }
}

for (const how of ['fin', 'reset'] as const) {
  test.skipIf(withoutRedis)(
    `a client that leaves by ${how} is blocked no more, and takes nothing that comes later`,
    async () => {
      const server = await RedisProcess.start()
      const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
      const port = await relayed(pool)
      const ask = await asking(server.port)
      const blocked = async (): Promise<string | undefined> =>
        /blocked_clients:(\d+)/.exec(await ask('INFO', 'clients'))?.[1]
      await ask('XGROUP', 'CREATE', 'stream', 'readers', '$', 'MKSTREAM')
      for (const parts of blocking) {
        const name = parts.join(' ')
        const visitor = new Visitor(port, 0)
        // What comes before it in the pipeline is answered, and changes nothing.
        visitor.write(request(['PING']) + request(parts))
        await visitor.until(() => visitor.replies > 0)
        await expect.poll(blocked, { message: name }).toBe('1')
        visitor.leave(how)
        await expect.poll(blocked, { timeout: SOON_MS, message: name }).toBe('0')
        await ask('RPUSH', 'list', 'job')
        await ask('ZADD', 'set', '1', 'job')
        expect(await ask('LLEN', 'list'), name).toBe(':1\r\n')
        expect(await ask('ZCARD', 'set'), name).toBe(':1\r\n')
        await ask('DEL', 'list', 'set')
      }
      await expect.poll(() => pool.stats().leased).toBe(0)
      expect(pool.stats()).toMatchObject({ total: 0, closed: { spent: blocking.length } })
    },
    TIMEOUT_MS,
  )
}

test.skipIf(withoutRedis)(
  'connections of clients that were given what they waited for are shared',
  async () => {
    const server = await RedisProcess.start()
    const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
    const port = await relayed(pool)
    const ask = await asking(server.port)
    for (let session = 0; session < 5; session++) {
      const visitor = new Visitor(port, 0)
      visitor.write(request(['BLPOP', 'list', '0']))
      await expect.poll(() => ask('INFO', 'clients')).toContain('blocked_clients:1')
      await ask('RPUSH', 'list', `job ${session}`)
      await visitor.until(() => visitor.replies > 0)
      expect(visitor.received).toContain(`job ${session}`)
      visitor.leave('fin')
      await expect.poll(() => pool.stats().idle).toBe(1)
    }
    expect(pool.stats().created).toBe(1)
  },
  TIMEOUT_MS,
)

test.skipIf(withoutRedis)(
  'cleaning connections adds nothing to the error statistics of the server',
  async () => {
    const server = await RedisProcess.start()
    const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
    const port = await relayed(pool)
    const ask = await asking(server.port)
    const dirtying = [
      ['SELECT', '1'],
      ['HELLO', '3'],
      ['CLIENT', 'SETNAME', 'me'],
      ['MULTI'],
      ['WATCH', 'key'],
    ]
    for (let session = 0; session < 50; session++) {
      const visitor = new Visitor(port, 0)
      visitor.write(request(dirtying[session % dirtying.length] as string[]) + request(['QUIT']))
      await visitor.until(() => visitor.replies > 1)
      expect(visitor.received).toMatch(/\+OK\r\n$/)
      await visitor.until(() => false)
      await expect.poll(() => pool.stats().idle).toBe(1)
    }
    expect(pool.stats().created).toBe(1)
    expect(await ask('INFO', 'errorstats')).not.toContain('errorstat_')
    expect(await ask('INFO', 'stats')).toContain('total_error_replies:0')
  },
  TIMEOUT_MS,
)
