import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { resolveConnectionPoolOptions } from '../../src/connection-pool-options.js'
import { connectionPool } from '../../src/index.js'
import { pooled } from './pooled.js'

const dial = { host: '127.0.0.1', port: 1 }

describe('a wrong option is named, with its value and what is accepted', () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [{ dial: undefined }, /"dial"/],
    [{ dial: 5 }, /"dial".*got 5/],
    [{ dial: { host: 'a' } }, /dial.*"host" and "port"/],
    [{ dial: { host: 'a', port: 1, path: '/b' } }, /dial/],
    [{ prewarm: -1 }, /"prewarm".*'auto'.*got -1/],
    [{ prewarm: 'many' }, /"prewarm".*got 'many'/],
    [{ reuse: 'always' }, /"reuse".*'never', 'trust' or a rule.*got 'always'/],
    [{ reuse: {} }, /"reuse"/],
    [{ retryStale: 'twice' }, /"retryStale".*'replay'.*got 'twice'/],
    [{ settleMs: -5 }, /"settleMs".*got -5/],
    [{ prewarmMaxAgeMs: Number.NaN }, /"prewarmMaxAgeMs".*got NaN/],
    [{ connectTimeoutMs: 2 ** 31 }, /"connectTimeoutMs"/],
    [{ max: 0 }, /"max".*got 0/],
    [{ maxIdle: 1.5 }, /"maxIdle".*got 1.5/],
    [{ idleOrder: 'random' }, /"idleOrder".*'fifo'.*got 'random'/],
    [{ create: () => {} }, /"create"/],
    [{ color: 'red' }, /"color".*dial/],
  ])('%o', (options, message) => {
    const make = (): unknown => connectionPool({ dial, ...options } as never)
    expect(make).toThrow(message)
    expect(make).toThrow(/^connectionPool|^Pool/)
  })

  test('a number of the wrong size is a RangeError, all else a TypeError', () => {
    expect(() => connectionPool({ dial, prewarm: -1 })).toThrow(RangeError)
    expect(() => connectionPool({ dial, reuse: 'always' as never })).toThrow(TypeError)
  })
})

describe('by default', () => {
  test('nothing is opened ahead, and no connection serves twice', async () => {
    const { pool, server } = await pooled()
    for (let round = 0; round < 3; round++) await pool.use(({ socket }) => void socket.write('.'))
    expect(pool.stats()).toMatchObject({ lent: { dialed: 3, prewarmed: 0, reused: 0 }, max: 1_000 })
    expect(pool.stats().closed).toEqual({ spent: 3 })
    expect(server.accepted).toBe(3)
  })
})

test.each([
  [undefined, 60_000],
  [0, 0],
  [5, 5],
])('of maxLifetimeMs %s comes %i: a name that moves is followed within a minute by default', (asked, ms) => {
  expect(resolveConnectionPoolOptions({ dial, maxLifetimeMs: asked }).shared.maxLifetimeMs).toBe(ms)
})

describe('a dial of its own', () => {
  test('gets a signal that aborts when the time is over', async () => {
    let reason: unknown
    const pool = connectionPool({
      connectTimeoutMs: 20,
      dial: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason
            reject(signal.reason)
          })
        }),
    })
    onTestFinished(() => pool.close())
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CREATE_FAILED' })
    expect(reason).toBeInstanceOf(Error)
    expect(pool.stats()).toMatchObject({ total: 0, createFailed: 1 })
  })

  test('that comes too late is closed', async () => {
    const late: Duplex[] = []
    const pool = connectionPool({
      connectTimeoutMs: 20,
      dial: async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        late.push(new Duplex({ read: () => {} }))
        return late[0] as Duplex
      },
    })
    onTestFinished(() => pool.close())
    await expect(pool.borrow()).rejects.toMatchObject({ code: 'ERR_POOL_CREATE_FAILED' })
    await expect.poll(() => late[0]?.destroyed, { timeout: 10_000 }).toBe(true)
    expect(pool.stats()).toMatchObject({ total: 0, idle: 0 })
  })

  test('fails a session with its own error', async () => {
    const error = new Error('no way there')
    const pool = connectionPool({ dial: () => Promise.reject(error) })
    onTestFinished(() => pool.close())
    const { signal } = new AbortController()
    await expect(pool.connect({ signal, client: {} as never })).rejects.toBe(error)
  })

  test('is reused like any other', async () => {
    const { server } = await pooled()
    const pool = connectionPool({ dial: async () => connect(server.target), reuse: 'trust' })
    onTestFinished(() => pool.close({ graceMs: 0 }))
    for (let round = 0; round < 5; round++) {
      await pool.use(({ socket }) => new Promise<void>((resolve) => socket.write('.', () => resolve())))
    }
    expect(pool.stats().lent).toEqual({ dialed: 1, prewarmed: 0, reused: 4 })
  })
})
