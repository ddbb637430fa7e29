import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RelayResult } from '../src/close-reason.js'
import { dialer } from '../src/dialer.js'
import type { ConnectContext, Connector, Lease } from '../src/lease.js'
import { createRelayServer, type RelayServer, type RelayServerOptions } from '../src/server.js'
import type { SessionInfo } from '../src/session-info.js'
import { certificate } from './support/certificate.js'
import { client, echo, upstream } from './support/upstream.js'

const BUG = new Error('a bug in a callback')
const fail = (): never => {
  throw BUG
}

async function serve(options: RelayServerOptions): Promise<RelayServer> {
  const server = createRelayServer(options)
  await server.listen('127.0.0.1:0')
  onTestFinished(() => server.close({ graceMs: 0 }))
  return server
}

/** A server, and how its next session ended. */
async function serveOne(
  options: RelayServerOptions,
): Promise<{ server: RelayServer; result: Promise<RelayResult> }> {
  let onClose: ((info: SessionInfo, result: RelayResult) => void) | undefined
  const result = new Promise<RelayResult>((resolve) => {
    onClose = (_, result) => resolve(result)
  })
  return { server: await serve({ onClose, ...options }), result }
}

/** What `process.emitWarning` was given, instead of warning. */
function warnings(): unknown[] {
  const warned: unknown[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warned.push(warning))
  onTestFinished(() => spy.mockRestore())
  return warned
}

/** What becomes of an event that ends the process when nobody listens. */
function instead(event: 'uncaughtException' | 'unhandledRejection'): unknown[] {
  const seen: unknown[] = []
  const others = process.listeners(event as 'uncaughtException')
  process.removeAllListeners(event)
  process.on(event, (error: unknown) => void seen.push(error))
  onTestFinished(() => {
    process.removeAllListeners(event)
    for (const listener of others) process.on(event, listener)
  })
  return seen
}

async function expectServed(server: RelayServer): Promise<void> {
  const peer = await client(server.address)
  peer.end('hello')
  expect(await peer.received).toMatchObject({ bytes: 5, ending: 'fin' })
}

function connector(connect: Connector['connect']): Connector {
  return { connect, close: async () => {}, stats: () => ({}) }
}

describe('a callback that fails', () => {
  test.each(['onSession', 'onClose'] as const)(
    '%s that rejects is a warning, and nothing else',
    async (name) => {
      const warned = warnings()
      const unhandled = instead('unhandledRejection')
      const direct = dialer((await upstream(echo)).target)
      const server = await serve({ upstream: direct, [name]: () => Promise.reject(BUG) })
      await expectServed(server)
      await expectServed(server)
      await vi.waitFor(() => expect(warned).toEqual([BUG, BUG]))
      expect(unhandled).toEqual([])
    },
  )

  test.each(['relay:session:open', 'relay:session:close'])(
    'a subscriber of %s that throws is an uncaught exception, as Node has it, and harms no session',
    async (name) => {
      const uncaught = instead('uncaughtException')
      subscribe(name, fail)
      onTestFinished(() => void unsubscribe(name, fail))
      const { server, result } = await serveOne({ upstream: dialer((await upstream(echo)).target) })
      await expectServed(server)
      expect((await result).reason).toBe('client-end')
      await vi.waitFor(() => expect(uncaught).toEqual([BUG]))
      await server.close()
      expect(server.stats()).toMatchObject({ active: 0, closed: { 'client-end': 1 } })
    },
  )

  test.each(['onSession', 'onClose'] as const)(
    '%s may kill its session, and close the server',
    async (name) => {
      const options = {
        upstream: dialer((await upstream(echo)).target),
        [name]: ({ id }: SessionInfo) => {
          server.kill(id)
          void server.close({ graceMs: 0 })
        },
      }
      const server = await serve(options)
      const peer = await client(server.address)
      peer.end('hello')
      await peer.received
      await server.close()
      expect(server.stats().active).toBe(0)
    },
  )
})

describe('a connector that fails', () => {
  const failed = { code: 'ERR_RELAY_CONNECT', side: 'upstream', phase: 'connect' }
  test.each<[string, Connector['connect'], object]>([
    ['throws', fail, { ...failed, cause: BUG }],
    ['rejects', () => Promise.reject(BUG), { ...failed, cause: BUG }],
    ['rejects with nothing', () => Promise.reject(), failed],
    ['gives nothing', async () => undefined as never, failed],
    ['gives what is no lease', async () => ({ socket: 'none' }) as never, failed],
  ])('one whose connect %s ends that session, and its client is reset', async (_how, connect, error) => {
    const direct = dialer((await upstream(echo)).target)
    let calls = 0
    const { server, result } = await serveOne({
      upstream: connector((context) => (calls++ === 0 ? connect(context) : direct.connect(context))),
    })
    const peer = await client(server.address)
    expect(await peer.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect(await result).toMatchObject({ reason: 'connect-failed', error })
    await expectServed(server)
  })

  describe('whose connect never settles, and does not look at its signal', () => {
    const silent = connector(() => new Promise(() => {}))

    test('is let go when its client resets', async () => {
      const { server, result } = await serveOne({ upstream: silent })
      const peer = await client(server.address)
      await vi.waitFor(() => expect(server.stats().active).toBe(1))
      peer.reset()
      expect((await result).reason).toBe('client-reset')
      expect(server.stats().active).toBe(0)
    })

    test('holds up neither kill nor close', async () => {
      const { server, result } = await serveOne({ upstream: silent })
      const [one, two] = [await client(server.address), await client(server.address)]
      await vi.waitFor(() => expect(server.stats().active).toBe(2))
      server.kill(server.sessions()[0]?.id ?? '')
      expect((await one.received).ending).toBe('reset')
      expect((await result).reason).toBe('killed')
      await server.close({ graceMs: 0 })
      expect((await two.received).ending).toBe('reset')
      expect(server.stats().closed).toEqual({ killed: 1, draining: 1 })
    })

    test('has the connection that it gives too late destroyed', async () => {
      const up = await upstream(echo)
      const direct = dialer(up.target)
      let give = (): void => {}
      const late = connector(async ({ client }: ConnectContext): Promise<Lease> => {
        await new Promise<void>((resolve) => (give = resolve))
        return direct.connect({ signal: new AbortController().signal, client })
      })
      const { server, result } = await serveOne({ upstream: late })
      const peer = await client(server.address)
      await vi.waitFor(() => expect(server.stats().active).toBe(1))
      peer.reset()
      expect((await result).reason).toBe('client-reset')
      give()
      // The leak check sees to it that the connection is gone.
      await vi.waitFor(() => expect(up.accepted).toBe(1))
      await server.close()
    })
  })
})

describe('TLS options that fail', () => {
  test('options that tls.connect throws at end the session, and nothing is left of its dial', async () => {
    const uncaught = instead('uncaughtException')
    const refusing = createServer()
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
    const { port } = refusing.address() as AddressInfo
    await new Promise((resolve) => refusing.close(resolve))
    const { server, result } = await serveOne({
      upstream: dialer({ host: '127.0.0.1', port, tls: { cert: 'none' } }),
    })
    const peer = await client(server.address)
    expect(await peer.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect(await result).toMatchObject({
      reason: 'connect-failed',
      error: { code: 'ERR_RELAY_CONNECT', side: 'upstream', phase: 'connect' },
    })
    await server.close()
    // Ours is refused after any of theirs.
    await expect(client({ host: '127.0.0.1', port })).rejects.toThrow('no connection')
    expect(uncaught).toEqual([])
  })

  test('a checkServerIdentity that throws ends the session', async () => {
    const uncaught = instead('uncaughtException')
    const own = certificate()
    const up = await upstream(echo, own)
    const tls = { ca: own.cert, checkServerIdentity: fail }
    const { server, result } = await serveOne({ upstream: dialer({ ...up.target, tls }) })
    const peer = await client(server.address)
    expect(await peer.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect(await result).toMatchObject({ reason: 'connect-failed', error: { cause: BUG } })
    expect(uncaught).toEqual([])
  })
})
