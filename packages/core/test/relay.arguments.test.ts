import { getEventListeners } from 'node:events'
import { Duplex, duplexPair, PassThrough } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GuardedSocket } from '../src/guarded-socket.js'
import { relay } from '../src/relay.js'
import type { SessionInfo } from '../src/session-info.js'
import { clientPair, upstreamPair } from './support/wire.js'

describe('relay() refuses', () => {
  test('what is no stream, by the name of the side', async () => {
    const [stream] = duplexPair()
    await expect(relay('socket' as never, stream)).rejects.toThrow(
      `relay: expected "client" to be a Duplex stream, got 'socket'`,
    )
    for (const nothing of [null, undefined, 7, {}, { socket: stream }, { release: () => {} }])
      await expect(relay(stream, nothing as never)).rejects.toThrow(
        'relay: expected "upstream" to be a Duplex stream or a lease, got ',
      )
  })

  test('a socket that somebody has, by the name of the side', async () => {
    const { inner, peer } = await clientPair()
    onTestFinished(() => void peer.socket.destroy())
    const guard = new GuardedSocket(inner)
    await expect(relay(inner, new PassThrough())).rejects.toMatchObject({
      code: 'ERR_RELAY_LEASED',
      message: 'the socket of "client" is leased already',
    })
    await expect(relay(new PassThrough(), inner)).rejects.toMatchObject({
      code: 'ERR_RELAY_LEASED',
      message: 'the socket of "upstream" is leased already',
    })
    guard.destroy()
  })

  test('an option that there is not, and a value that is none', async () => {
    const one = new PassThrough()
    for (const [options, message] of [
      [{ idleTimeout: 1 }, 'relay: unknown option "idleTimeout", expected one of '],
      [{ halfClose: 'ignore' }, `'forward' or 'close', got 'ignore'`],
      [{ lingerMs: -1 }, 'option "lingerMs"'],
      [{ idleTimeoutMs: '1' }, 'option "idleTimeoutMs"'],
      [{ maxDurationMs: 2 ** 31 }, 'option "maxDurationMs"'],
      [{ signal: {} }, 'option "signal"'],
    ] as const)
      await expect(relay(one, one, options as never)).rejects.toThrow(message)
  })
})

test('relay() with an aborted signal cuts the session before a byte has moved', async () => {
  const [client, upstream] = [await clientPair(), await upstreamPair()]
  await client.peer.write('too late')
  const signal = AbortSignal.abort()
  const result = await relay(client.inner, upstream.inner.socket, { signal })
  expect(result).toMatchObject({ reason: 'interrupted', up: { bytes: 0 }, down: { bytes: 0 } })
  expect(result).not.toHaveProperty('firstByteMs')
  expect(result).not.toHaveProperty('error')
  expect(await client.peer.received).toMatchObject({ ending: 'reset' })
  expect(await upstream.peer.received).toMatchObject({ bytes: 0, ending: 'reset' })
})

test('relay() leaves no listener on its signal', async () => {
  const { signal } = new AbortController()
  const [client, upstream] = [await clientPair(), await upstreamPair()]
  const result = relay(client.inner, upstream.inner.socket, { signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  client.peer.end()
  upstream.peer.end()
  await result
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

describe("a stage's session", () => {
  test('has the addresses of its client, a time and an id of its own', async () => {
    const sessions: SessionInfo[] = []
    const startedAt = Date.now()
    for (let n = 0; n < 2; n += 1) {
      const [client, upstream] = [await clientPair(), await upstreamPair()]
      const open = (session: SessionInfo): object => {
        sessions.push(session)
        return {}
      }
      const result = relay(client.inner, upstream.inner.socket, { stages: [{ name: 'look', open }] })
      const { localPort, remotePort } = client.peer.socket
      client.peer.end()
      upstream.peer.end()
      await result
      expect(sessions[n]).toMatchObject({
        client: { host: '127.0.0.1', port: localPort },
        listen: { host: '127.0.0.1', port: remotePort },
      })
    }
    expect(sessions[0]?.id).not.toBe(sessions[1]?.id)
    for (const session of sessions) expect(session.startedAt).toBeGreaterThanOrEqual(startedAt)
  })

  test('has no address of a client that is no socket', async () => {
    let seen: SessionInfo | undefined
    const client = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const upstream = await upstreamPair()
    const open = (session: SessionInfo): object => {
      seen = session
      return {}
    }
    const result = relay(client, upstream.inner.socket, { stages: [{ name: 'look', open }] })
    client.push(null)
    upstream.peer.end()
    await result
    expect(seen).toMatchObject({ client: { path: '' }, listen: { path: '' } })
  })
})
