import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { dialer } from '../src/dialer.js'
import type { ConnectContext } from '../src/lease.js'
import { relay } from '../src/relay.js'
import { certificate } from './support/certificate.js'
import { type Peer, sha256 } from './support/peer.js'
import { echo, upstream } from './support/upstream.js'
import { clientPair } from './support/wire.js'

const context = (signal = new AbortController().signal): ConnectContext => ({
  signal,
  client: { id: '1', client: { path: '' }, listen: { path: '' }, startedAt: 0 },
})

describe('dialer', () => {
  test('refuses wrong options by name', () => {
    expect(() => dialer({ host: 'localhost' })).toThrow('expected "host" and "port", or "path"')
    expect(() => dialer({ host: 'a', port: 1, path: '/x' })).toThrow('got both')
    expect(() => dialer({ host: 'a', port: 70_000 })).toThrow(RangeError)
    expect(() => dialer({ host: 'a', port: 1, timeout: 5 } as never)).toThrow('unknown option "timeout"')
    expect(() => dialer({ path: `/${'x'.repeat(120)}` })).toThrow('a unix path of 1 to')
  })

  test('gives up after connectTimeoutMs, and leaves nothing open', async () => {
    // A server that accepts TCP and never answers TLS: the timeout covers the handshake too.
    const up = await upstream(() => {})
    const connector = dialer({ ...up.target, tls: true, connectTimeoutMs: 50 })
    await expect(connector.connect(context())).rejects.toMatchObject({
      code: 'ERR_RELAY_CONNECT_TIMEOUT',
      phase: 'connect',
    })
    expect(connector.stats()).toEqual({ dialed: 0, failed: 1, dialing: 0 })
  })

  test('cancels with the reason of the signal, before and during the dial', async () => {
    const up = await upstream(() => {})
    const connector = dialer({ ...up.target, tls: true })
    await expect(connector.connect(context(AbortSignal.abort('too late')))).rejects.toBe('too late')
    const abort = new AbortController()
    const dialing = connector.connect(context(abort.signal))
    abort.abort('no longer')
    await expect(dialing).rejects.toBe('no longer')
  })

  test('gives no connection after close', async () => {
    const connector = dialer({ host: '127.0.0.1', port: 1 })
    await connector.close()
    await expect(connector.connect(context())).rejects.toMatchObject({ code: 'ERR_RELAY_CLOSED' })
  })
})

describe('over TLS', () => {
  let pem: { key: string; cert: string }
  beforeAll(() => {
    pem = certificate()
  })

  test('verifies the upstream, and refuses one that it does not know', async () => {
    const up = await upstream(echo, pem)
    await expect(dialer({ ...up.target, tls: true }).connect(context())).rejects.toMatchObject({
      code: 'ERR_RELAY_CONNECT',
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    })
    await expect(
      dialer({ ...up.target, tls: { ca: pem.cert, servername: 'elsewhere.example' } }).connect(context()),
    ).rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  })

  test('copies both ways, and forwards FIN in both directions', async () => {
    const up = await upstream(echo, pem)
    const { inner, peer } = await clientPair()
    const result = relay(inner, await dialer({ ...up.target, tls: { ca: pem.cert } }).connect(context()))
    const data = randomBytes(3_000_000)
    peer.end(data)
    expect(await peer.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    expect((await result).reason).toBe('client-end')
    peer.socket.destroy()
  })

  test("a client's reset resets the TCP connection under TLS", async () => {
    let seen: Peer | undefined
    const up = await upstream((peer) => (seen = peer), pem)
    const { inner, peer } = await clientPair()
    const result = relay(inner, await dialer({ ...up.target, tls: { ca: pem.cert } }).connect(context()))
    await peer.write('x')
    peer.reset()
    expect((await result).reason).toBe('client-reset')
    expect(await seen?.received).toMatchObject({ bytes: 1, ending: 'reset' })
  })

  test("an upstream's reset under TLS is a reset at the client", async () => {
    const up = await resettingTlsServer(pem)
    const { inner, peer } = await clientPair()
    const result = relay(inner, await dialer({ ...up.target, tls: { ca: pem.cert } }).connect(context()))
    await peer.write('question')
    await peer.arrived(8)
    up.reset()
    expect(await result).toMatchObject({
      reason: 'upstream-reset',
      error: { code: 'ERR_RELAY_RESET', side: 'upstream' },
    })
    expect(await peer.received).toMatchObject({ bytes: 8, ending: 'reset' })
  })
})

test("an upstream's reset that meets the end of the TLS handshake is a reset at the client", async () => {
  const pem = certificate()
  const up = await upstream(({ socket }) => {
    socket.removeAllListeners('data')
    const secure = new TLSSocket(socket, { isServer: true, ...pem })
    secure.on('error', () => {})
    // Its session tickets are on their way: with the reset in one poll they look like an end.
    secure.on('secure', () => setImmediate(() => socket.resetAndDestroy()))
  })
  const { inner, peer } = await clientPair()
  const lease = await dialer({ ...up.target, tls: { ca: pem.cert } }).connect(context())
  const result = relay(inner, lease)
  expect(await peer.received).toMatchObject({ bytes: 0, ending: 'reset' })
  expect(await result).toMatchObject({ reason: 'upstream-reset', error: { code: 'ERR_RELAY_RESET' } })
})

// TLS laid over an accepted TCP socket, so that the test can reset what lies under it.
async function resettingTlsServer(pem: {
  key: string
  cert: string
}): Promise<{ target: { host: string; port: number }; reset(): void }> {
  let under: Socket | undefined
  const up = await upstream(({ socket }) => {
    socket.removeAllListeners('data')
    under = socket
    const secure = new TLSSocket(socket, { isServer: true, ...pem })
    secure.on('error', () => {})
    secure.on('data', (chunk) => secure.write(chunk))
  })
  return { target: up.target, reset: () => under?.resetAndDestroy() }
}
