import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync } from 'node:fs'
import { createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { CloseReason, RelayResult } from '../src/close-reason.js'
import { dialer } from '../src/dialer.js'
import type { Connector } from '../src/lease.js'
import { createRelayServer, type RelayServer, type RelayServerOptions } from '../src/server.js'
import type { SessionInfo } from '../src/session-info.js'
import { sha256 } from './support/peer.js'
import { client, echo, upstream } from './support/upstream.js'

type Closed = { info: SessionInfo; result: RelayResult }

async function serve(
  options: RelayServerOptions,
): Promise<{ server: RelayServer; closed: Closed[]; sessionClosed(): Promise<Closed> }> {
  const closed: Closed[] = []
  let notify = (): void => {}
  const server = createRelayServer({
    ...options,
    onClose: (info, result) => {
      options.onClose?.(info, result)
      closed.push({ info, result })
      notify()
    },
  })
  await server.listen('127.0.0.1:0')
  onTestFinished(() => server.close({ graceMs: 0 }))
  let taken = 0
  const sessionClosed = async (): Promise<Closed> => {
    while (closed.length <= taken) await new Promise<void>((resolve) => (notify = resolve))
    return closed[taken++]!
  }
  return { server, closed, sessionClosed }
}

const never: Connector = {
  connect: ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  close: async () => {},
  stats: () => ({}),
}

describe('a server', () => {
  test('relays each client to an upstream of its own, and counts what it carried', async () => {
    const up = await upstream(echo)
    const opened: SessionInfo[] = []
    const { server, sessionClosed } = await serve({
      upstream: dialer(up.target),
      onSession: (info) => opened.push(info),
    })
    const data = randomBytes(300_000)
    const one = await client(server.address)
    const two = await client(server.address)
    one.end(data)
    two.end('two')
    expect(await one.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    expect(await two.received).toEqual({ bytes: 3, hash: sha256('two'), ending: 'fin' })
    const results = [await sessionClosed(), await sessionClosed()]
    expect(results.map(({ result }) => result.reason)).toEqual(['client-end', 'client-end'])
    expect(opened.map(({ id }) => id).sort()).toEqual(results.map(({ info }) => info.id).sort())
    expect(up.accepted).toBe(2)
    expect(server.stats()).toEqual({
      active: 0,
      accepted: 2,
      rejected: 0,
      closed: { 'client-end': 2 },
      up: { bytes: data.length + 3 },
      down: { bytes: data.length + 3 },
    })
    await server.close()
  })

  test('shows its live sessions, with their bytes', async () => {
    const { server } = await serve({ upstream: dialer((await upstream(echo)).target) })
    const peer = await client(server.address)
    await peer.write('hello')
    await peer.arrived(5)
    const [session] = server.sessions()
    expect(session).toMatchObject({ up: { bytes: 5 }, down: { bytes: 5 }, listen: server.address })
    expect(session?.client).toEqual({ host: '127.0.0.1', port: peer.socket.localPort })
    expect(Object.isFrozen(server.stats())).toBe(true)
  })

  test('ends one session by its id', async () => {
    const { server, sessionClosed } = await serve({ upstream: dialer((await upstream(echo)).target) })
    const peer = await client(server.address)
    await peer.write('x')
    await peer.arrived(1)
    const id = server.sessions()[0]?.id ?? ''
    expect(server.kill(id)).toBe(true)
    expect((await peer.received).ending).toBe('reset')
    expect((await sessionClosed()).result.reason).toBe('killed')
    expect(server.kill(id)).toBe(false)
  })

  test('publishes each opening and closing on its diagnostics channels', async () => {
    const seen: unknown[] = []
    const note = (message: unknown, name: string | symbol): void => void seen.push([name, message])
    for (const name of ['relay:session:open', 'relay:session:close']) {
      subscribe(name, note)
      onTestFinished(() => void unsubscribe(name, note))
    }
    const { server, sessionClosed } = await serve({ upstream: dialer((await upstream(echo)).target) })
    const peer = await client(server.address)
    peer.end('x')
    const { info, result } = await sessionClosed()
    expect(seen).toEqual([
      ['relay:session:open', { info }],
      ['relay:session:close', { info, result }],
    ])
  })

  test('resets and counts a client too many, and serves again when there is room', async () => {
    const { server, sessionClosed } = await serve({
      upstream: dialer((await upstream(echo)).target),
      maxConnections: 1,
    })
    const first = await client(server.address)
    await first.write('x')
    await first.arrived(1)
    const second = await client(server.address)
    expect(await second.received).toMatchObject({ bytes: 0, ending: 'reset' })
    expect((await sessionClosed()).result.reason).toBe('rejected')
    expect(server.stats()).toMatchObject({ active: 1, rejected: 1, closed: { rejected: 1 } })
    first.end()
    await sessionClosed()
    const third = await client(server.address)
    third.end('y')
    expect(await third.received).toMatchObject({ bytes: 1, ending: 'fin' })
  })

  test('is not harmed by callbacks that throw, and warns of them', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warned.mockRestore())
    const fail = (): never => {
      throw new Error('a bug in a callback')
    }
    const { server, sessionClosed } = await serve({
      upstream: dialer((await upstream(echo)).target),
      onSession: fail,
      onClose: fail,
    })
    const peer = await client(server.address)
    peer.end('x')
    expect(await peer.received).toMatchObject({ bytes: 1, ending: 'fin' })
    void sessionClosed
    await vi.waitFor(() => expect(warned).toHaveBeenCalledTimes(2))
  })

  test('listens on a unix socket, and relays to one', async () => {
    const path = join(tmpdir(), `relay-test-${process.pid}-${Date.now()}.sock`)
    const upPath = `${path}.up`
    const up = createNetServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket))
    await new Promise<void>((resolve) => up.listen(upPath, resolve))
    onTestFinished(() => void up.close())
    const server = createRelayServer({ upstream: dialer({ path: upPath }) })
    onTestFinished(() => server.close({ graceMs: 0 }))
    expect(await server.listen({ path })).toEqual({ path })
    const peer = await client({ path })
    peer.end('over unix')
    expect(await peer.received).toMatchObject({ bytes: 9, ending: 'fin' })
    await server.close()
    expect(existsSync(path)).toBe(false)
  })
})

describe('while the upstream is not there', () => {
  const refused = async (): Promise<number> => {
    const server = createNetServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    return port
  }
  const cases: readonly [string, () => Promise<Connector>, CloseReason, string][] = [
    [
      'that refuses',
      async () => dialer({ host: '127.0.0.1', port: await refused() }),
      'connect-failed',
      'ERR_RELAY_CONNECT',
    ],
    [
      'whose name does not resolve',
      async () => dialer({ host: 'nowhere.invalid', port: 1 }),
      'connect-failed',
      'ERR_RELAY_CONNECT',
    ],
    [
      'that a connector of one’s own fails to give',
      async () => ({ ...never, connect: () => Promise.reject(new Error('none left')) }),
      'connect-failed',
      'ERR_RELAY_CONNECT',
    ],
  ]
  for (const [what, connector, reason, code] of cases) {
    test(`a client of an upstream ${what} is reset, and the reason is told`, async () => {
      const { server, sessionClosed } = await serve({ upstream: await connector() })
      const peer = await client(server.address)
      expect(await peer.received).toMatchObject({ bytes: 0, ending: 'reset' })
      expect((await sessionClosed()).result).toMatchObject({
        reason,
        error: { code, side: 'upstream', phase: 'connect' },
      })
      await server.close()
    })
  }

  test('a client that resets cancels the dial', async () => {
    let aborted = false
    const connector: Connector = {
      ...never,
      connect: (context) => {
        context.signal.addEventListener('abort', () => (aborted = true))
        return never.connect(context)
      },
    }
    const { server, sessionClosed } = await serve({ upstream: connector })
    const peer = await client(server.address)
    await vi.waitFor(() => expect(server.stats().active).toBe(1))
    peer.reset()
    expect((await sessionClosed()).result.reason).toBe('client-reset')
    expect(aborted).toBe(true)
    await server.close()
  })

  test("a client's FIN does not cancel the dial: its bytes and the FIN are delivered after the connect", async () => {
    const direct = dialer((await upstream(echo)).target)
    let connect = (): void => {}
    const late: Connector = {
      ...direct,
      connect: async (context) => {
        await new Promise<void>((resolve) => (connect = resolve))
        return direct.connect(context)
      },
    }
    const { server, sessionClosed } = await serve({ upstream: late })
    const peer = await client(server.address)
    const data = randomBytes(200_000)
    peer.end(data)
    await vi.waitFor(() => expect(server.stats().active).toBe(1))
    connect()
    expect(await peer.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    expect((await sessionClosed()).result.reason).toBe('client-end')
  })
})

describe('close', () => {
  test('lets sessions end', async () => {
    const { server, sessionClosed } = await serve({ upstream: dialer((await upstream(echo)).target) })
    const peer = await client(server.address)
    await peer.write('before')
    await peer.arrived(6)
    const { address } = server
    const closing = server.close()
    expect(server.close()).toBeInstanceOf(Promise)
    peer.end(' and after')
    expect(await peer.received).toMatchObject({ bytes: 16, ending: 'fin' })
    await closing
    expect((await sessionClosed()).result.reason).toBe('client-end')
    expect(server.address).toBeUndefined()
    await expect(client(address)).rejects.toThrow('no connection')
  })

  test('ends those that are left after its grace, as draining, those still connecting too', async () => {
    const up = await upstream(echo)
    const direct = dialer(up.target)
    let calls = 0
    const connector = {
      ...direct,
      connect: (context: never) => (calls++ === 0 ? direct : never).connect(context),
    }
    const { server, closed } = await serve({ upstream: connector })
    const copying = await client(server.address)
    await copying.write('x')
    await copying.arrived(1)
    const connecting = await client(server.address)
    await vi.waitFor(() => expect(server.stats().active).toBe(2))
    await server.close({ graceMs: 20 })
    expect((await copying.received).ending).toBe('reset')
    expect((await connecting.received).ending).toBe('reset')
    expect(closed.map(({ result }) => result.reason)).toEqual(['draining', 'draining'])
  })

  test('a second call can shorten the grace', async () => {
    const { server, closed } = await serve({ upstream: dialer((await upstream(echo)).target) })
    const peer = await client(server.address)
    await peer.write('x')
    await peer.arrived(1)
    const closing = server.close({ graceMs: 600_000 })
    await server.close({ graceMs: 0 })
    await closing
    expect(closed.map(({ result }) => result.reason)).toEqual(['draining'])
  })
})

describe('listen', () => {
  test('fails with the cause when the port is taken, and can be called again', async () => {
    const { server: first } = await serve({ upstream: never })
    const { port } = first.address as { port: number }
    const second = createRelayServer({ upstream: never })
    onTestFinished(() => second.close({ graceMs: 0 }))
    await expect(second.listen(port)).rejects.toMatchObject({
      code: 'ERR_RELAY_LISTEN',
      cause: expect.objectContaining({ code: 'EADDRINUSE' }),
    })
    expect(await second.listen(0)).toMatchObject({ host: '127.0.0.1' })
  })

  test('fails when the server listens already, or is about to', async () => {
    const server = createRelayServer({ upstream: never })
    onTestFinished(() => server.close({ graceMs: 0 }))
    const first = server.listen(0)
    const refused = { code: 'ERR_RELAY_LISTEN', message: expect.stringContaining('listens already') }
    await expect(server.listen(0)).rejects.toMatchObject(refused)
    const address = await first
    await expect(server.listen(0)).rejects.toMatchObject(refused)
    expect(server.address).toEqual(address)
  })

  test('fails when the server is closed meanwhile, and nothing listens', async () => {
    const server = createRelayServer({ upstream: never })
    const listening = server.listen('localhost:0')
    const closed = server.close({ graceMs: 0 })
    await expect(listening).rejects.toMatchObject({ code: 'ERR_RELAY_CLOSED' })
    await closed
    expect(server.address).toBeUndefined()
  })
})

describe('options', () => {
  test.each([
    [{ idleTimeout: 5 }, TypeError, 'unknown option "idleTimeout"'],
    [{ idleTimeoutMs: -1 }, RangeError, 'option "idleTimeoutMs"'],
    [{ lingerMs: 2 ** 31 }, RangeError, 'option "lingerMs"'],
    [{ halfClose: 'maybe' }, TypeError, `"halfClose" to be 'forward' or 'close', got 'maybe'`],
    [{ maxConnections: 1.5 }, RangeError, 'option "maxConnections" to be a whole number'],
    [{ upstream: {} }, TypeError, 'option "upstream" to be a connector'],
    [{ upstream: undefined }, TypeError, 'expected option "upstream"'],
    [{ onClose: 'log' }, TypeError, 'option "onClose" to be a function'],
    [{ signal: new AbortController().signal }, TypeError, 'unknown option "signal"'],
  ])('%o is refused: it names the option, the value and what is accepted', (wrong, ErrorClass, message) => {
    const create = (): unknown => createRelayServer({ upstream: never, ...wrong } as never)
    expect(create).toThrow(ErrorClass as typeof TypeError)
    expect(create).toThrow(message as string)
  })
})

describe('the address of a client', () => {
  test('over IPv4 is an IPv4 address, also to who listens on [::]', async () => {
    const server = createRelayServer({ upstream: never })
    const address = await server.listen('[::]:0')
    onTestFinished(() => server.close({ graceMs: 0 }))
    const peer = await client({ host: '127.0.0.1', port: (address as { port: number }).port })
    await expect
      .poll(() => server.sessions()[0]?.client)
      .toEqual({ host: '127.0.0.1', port: peer.socket.localPort })
  })

  test.each(['127.0.0.1:0', '[::1]:0'])(
    'that was gone before it was accepted is unspecified (%s)',
    async (where) => {
      const seen: SessionInfo[] = []
      const server = createRelayServer({ upstream: never, onClose: (info) => seen.push(info) })
      const { host, port } = (await server.listen(where)) as { host: string; port: number }
      onTestFinished(() => server.close({ graceMs: 0 }))
      // Nothing is accepted while this waits for another process.
      const program = `const socket = require('net').connect(${port}, '${host}', () => socket.resetAndDestroy())`
      execFileSync(process.execPath, ['-e', program])
      await expect
        .poll(() => seen.map((info) => info.client))
        .toEqual([{ host: where.startsWith('[') ? '::' : '0.0.0.0', port: 0 }])
    },
  )
})
