import { once } from 'node:events'
import { createServer as createHttp2Server, connect as http2Connect } from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Duplex, duplexPair, PassThrough } from 'node:stream'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Side } from '../src/errors.js'
import { relay } from '../src/relay.js'
import { certificate } from './support/certificate.js'
import { Peer } from './support/peer.js'

interface Given {
  readonly socket: Socket
  readonly peer: Peer
}

async function listening(server: Server, path?: string): Promise<number> {
  server.listen(path ?? { host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return path === undefined ? (server.address() as AddressInfo).port : 0
}

/** A socket as `net.createServer` gives it, and the one at its other end. */
async function given(options: { allowHalfOpen?: boolean } = {}): Promise<Given> {
  const server = createServer(options)
  const port = await listening(server)
  const accepted = once(server, 'connection')
  const outgoing = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const peer = new Peer(outgoing)
  const [socket] = (await accepted) as [Socket]
  if (outgoing.connecting) await once(outgoing, 'connect')
  socket.on('error', () => {})
  onTestFinished(() => {
    outgoing.destroy()
    socket.destroy()
  })
  return { socket, peer }
}

/** Relays between a socket in some state and a fresh one, as either side. */
async function relayed(
  side: Side,
  prepare: (given: Given) => Promise<unknown>,
  options: { allowHalfOpen?: boolean } = {},
): Promise<{ reason: string; other: Peer }> {
  const one = await given(options)
  const other = await given()
  await prepare(one)
  const pair: [Duplex, Duplex] = side === 'client' ? [one.socket, other.socket] : [other.socket, one.socket]
  const { reason } = await relay(...pair, { idleTimeoutMs: 0 })
  return { reason, other: other.peer }
}

describe.each(['client', 'upstream'] as const)('relay() notices at once a %s', (side) => {
  test('that is destroyed', async () => {
    const { reason, other } = await relayed(side, async ({ socket }) => {
      socket.destroy()
      await once(socket, 'close')
    })
    expect(reason).toBe(`${side}-error`)
    expect((await other.received).ending).toBe('reset')
  })

  test('that is being destroyed', async () => {
    const { reason } = await relayed(side, async ({ socket }) => void socket.destroy())
    expect(reason).toBe(`${side}-error`)
  })

  test('that was reset by its peer', async () => {
    const { reason, other } = await relayed(side, async ({ socket, peer }) => {
      peer.reset()
      await new Promise((resolve) => socket.once('close', resolve))
    })
    expect(reason).toBe(`${side}-reset`)
    expect((await other.received).ending).toBe('reset')
  })

  test('whose peer had sent FIN, which Node has answered: a health check', async () => {
    const { reason, other } = await relayed(side, async ({ socket, peer }) => {
      peer.end()
      await once(socket, 'close')
    })
    expect(reason).toBe(`${side}-end`)
    expect((await other.received).ending).toBe('fin')
  })

  test('whose peer had sent FIN, of which somebody has read the end: it still gets its answer', async () => {
    const [one, other] = [await given({ allowHalfOpen: true }), await given()]
    one.socket.resume()
    one.peer.end()
    await once(one.socket, 'end')
    const pair: [Duplex, Duplex] = [one.socket, other.socket]
    const result = relay(...(side === 'client' ? pair : (pair.reverse() as [Duplex, Duplex])))
    expect((await other.peer.received).ending).toBe('fin')
    other.peer.end('answer')
    expect(await one.peer.received).toMatchObject({ bytes: 6, ending: 'fin' })
    expect((await result).reason).toBe(`${side}-end`)
  })

  test('whose writing somebody has ended', async () => {
    const { reason, other } = await relayed(
      side,
      async ({ socket }) => {
        socket.end()
        await once(socket, 'finish')
      },
      { allowHalfOpen: true },
    )
    expect(reason).toBe(`${side}-error`)
    expect((await other.received).ending).toBe('reset')
  })
})

test('relay() gives on what a paused socket has unread', async () => {
  const [client, upstream] = [await given(), await given()]
  client.socket.pause()
  await client.peer.write('unread')
  while (client.socket.bytesRead < 6) await new Promise(setImmediate)
  const result = relay(client.socket, upstream.socket)
  await upstream.peer.arrived(6)
  client.peer.end()
  upstream.peer.end()
  expect((await result).up.bytes).toBe(6)
})

test('relay() refuses one socket for both sides, and one that a session has', async () => {
  const [client, upstream] = [await given(), await given()]
  await expect(relay(client.socket, client.socket)).rejects.toMatchObject({ code: 'ERR_RELAY_LEASED' })
  const result = relay(client.socket, upstream.socket)
  const another = await given()
  await expect(relay(another.socket, upstream.socket)).rejects.toMatchObject({ code: 'ERR_RELAY_LEASED' })
  await expect(relay(client.socket, another.socket)).rejects.toMatchObject({ code: 'ERR_RELAY_LEASED' })
  client.peer.end('still served')
  expect((await upstream.peer.received).bytes).toBe(12)
  upstream.peer.end()
  await result
})

test('relay() leaves a client as it was when it refuses the upstream', async () => {
  const [client, upstream] = [await given(), await given()]
  const taken = relay((await given()).socket, upstream.socket)
  const before = [client.socket.allowHalfOpen, client.socket.listenerCount('error')]
  for (const other of [upstream.socket, {}, { release() {}, socket: {} }]) {
    await expect(relay(client.socket, other as never)).rejects.toThrow()
    expect([client.socket.allowHalfOpen, client.socket.listenerCount('error')]).toEqual(before)
  }
  client.socket.resume()
  client.peer.end()
  await client.peer.closed()
  upstream.peer.reset()
  await taken
})

test('relay() refuses streams that give text or objects, and names the side', async () => {
  const [client, upstream] = [await given(), await given()]
  upstream.socket.setEncoding('utf8')
  await expect(relay(client.socket, upstream.socket)).rejects.toThrow(/"upstream".*without object mode/)
  const objects = new PassThrough({ objectMode: true })
  await expect(relay(objects, client.socket)).rejects.toThrow(/"client".*without object mode/)
})

describe('a TLS socket that somebody else accepted', () => {
  async function accepted(): Promise<Given> {
    const server = createTlsServer({ ...certificate(), allowHalfOpen: true })
    const port = await listening(server)
    const secure = once(server, 'secureConnection')
    const outgoing = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    const peer = new Peer(outgoing)
    const [socket] = (await secure) as [Socket]
    onTestFinished(() => void outgoing.destroy())
    return { socket, peer }
  }

  test('is reset when the other side is', async () => {
    const [client, upstream] = [await accepted(), await given()]
    const result = relay(client.socket, upstream.socket)
    upstream.peer.reset()
    expect((await result).reason).toBe('upstream-reset')
    expect((await client.peer.received).ending).toBe('reset')
  })

  test('hands on its FIN', async () => {
    const [client, upstream] = [await accepted(), await given()]
    const result = relay(client.socket, upstream.socket)
    client.peer.end('all')
    expect(await upstream.peer.received).toMatchObject({ bytes: 3, ending: 'fin' })
    upstream.peer.end('answer')
    expect(await client.peer.received).toMatchObject({ bytes: 6, ending: 'fin' })
    expect((await result).reason).toBe('client-end')
  })
})

test('an upstream that refuses the connection ends the session of a TLS client, and nothing else', async () => {
  const server = createTlsServer(certificate())
  const port = await listening(server)
  const secure = once(server, 'secureConnection')
  const outgoing = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false }).on('error', () => {})
  onTestFinished(() => void outgoing.destroy())
  const [client] = (await secure) as [Socket]
  const gone = createServer()
  const refused = await listening(gone)
  await new Promise((resolve) => gone.close(resolve))
  expect((await relay(client, connect(refused, '127.0.0.1'))).reason).toBe('upstream-error')
})

test('an HTTP/2 stream can be a client, to the last byte', async () => {
  const upstream = await given()
  const server = createHttp2Server()
  const streams = once(server, 'stream')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = http2Connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(async () => {
    session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const request = session.request({ ':method': 'POST' })
  let answer = ''
  request.setEncoding('utf8').on('data', (text: string) => {
    answer += text
  })
  request.end('question')
  const [stream] = await streams
  stream.respond()
  const result = relay(stream, upstream.socket)
  await upstream.peer.arrived(8)
  upstream.peer.end('answer')
  await once(request, 'end')
  expect(answer).toBe('answer')
  expect((await result).reason).toMatch(/-end$/)
})

test('two streams in memory are relayed both ways', async () => {
  const pairs = typeof duplexPair === 'function' ? [duplexPair(), duplexPair()] : []
  if (pairs.length === 0) return
  const [[far, client], [upstream, near]] = pairs as [[Duplex, Duplex], [Duplex, Duplex]]
  const result = relay(client, upstream)
  far.end('question')
  expect(String((await once(near, 'data'))[0])).toBe('question')
  near.end('answer')
  expect(String((await once(far, 'data'))[0])).toBe('answer')
  far.resume()
  near.resume()
  expect((await result).reason).toMatch(/-end$/)
})
