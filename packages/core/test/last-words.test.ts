import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { acceptedConnection } from '../src/accepted-connection.js'
import { dial } from '../src/dial.js'
import type { RawConnection } from '../src/raw-connection.js'
import { relay } from '../src/relay.js'
import type { Stage } from '../src/stage.js'
import { THROUGH } from './support/through.js'
import { clientPair, upstreamPair } from './support/wire.js'

const KIB = 1024
const ANSWER = Buffer.alloc(48 * KIB, 'HTTP/1.1 413 Content Too Large\r\n')

/** A connection of ours over a unix socket, and its peer, dialed by us or accepted as a server does. */
async function unixPair(how: 'dialed' | 'accepted'): Promise<{ inner: RawConnection; peer: Socket }> {
  const folder = mkdtempSync(join(tmpdir(), 'relay-unix-'))
  const path = join(folder, 'socket')
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: how === 'dialed' })
  await once(server.listen(path), 'listening')
  const accepted = once(server, 'connection')
  onTestFinished(() => {
    server.close()
    rmSync(folder, { recursive: true })
  })
  if (how === 'dialed') {
    const target = { address: { path }, connectTimeoutMs: 5_000 }
    const [inner, [peer]] = await Promise.all([dial(target, new AbortController().signal), accepted])
    return { inner, peer }
  }
  const peer = connect({ path, allowHalfOpen: true }).pause()
  return { inner: acceptedConnection((await accepted)[0]), peer }
}

/** What a socket receives, and how that ends. */
async function heard(socket: Socket): Promise<{ text: string; ending: string }> {
  let text = ''
  socket.setEncoding('latin1').resume()
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  const ending = await new Promise<string>((resolve) => {
    socket.on('end', () => resolve('fin'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })
  return { text, ending }
}

/** Writes more than the kernels take, until nothing more goes. */
async function flood(socket: Socket): Promise<void> {
  socket.on('error', () => {})
  const piece = Buffer.alloc(64 * KIB, 'upload ')
  for (let quiet = 0; quiet < 50; quiet++) {
    while (socket.writableLength < 256 * KIB && socket.write(piece)) quiet = 0
    await turn()
  }
}

const STAGES = Object.entries(THROUGH) as [string, Stage[]][]

describe.each(STAGES)(
  'an upload that is answered before its end, and reset behind the answer, %s',
  (_kind, stages) => {
    test('by the upstream: the client gets the answer, then the reset', async () => {
      const [client, upstream] = [await clientPair(true), await upstreamPair(true)]
      const result = relay(client.inner, upstream.inner.socket, { stages })
      await flood(client.peer.socket)
      // It has unread bytes: its kernel resets behind the answer.
      await upstream.peer.write(ANSWER)
      upstream.peer.socket.destroy()
      client.peer.socket.resume()
      expect(await client.peer.received).toMatchObject({ bytes: ANSWER.length, ending: 'reset' })
      expect(await result).toMatchObject({ reason: 'upstream-reset', down: { bytes: ANSWER.length } })
    })

    test('by the client: the upstream gets it, then the reset', async () => {
      const [client, upstream] = [await clientPair(true), await upstreamPair(true)]
      const result = relay(client.inner, upstream.inner.socket, { stages })
      await flood(upstream.peer.socket)
      await client.peer.write(ANSWER)
      client.peer.socket.destroy()
      upstream.peer.socket.resume()
      expect(await upstream.peer.received).toMatchObject({ bytes: ANSWER.length, ending: 'reset' })
      expect(await result).toMatchObject({ reason: 'client-reset', up: { bytes: ANSWER.length } })
    })
  },
)

describe('a unix peer', () => {
  test.each(['upstream', 'client'] as const)(
    'that is the %s and closes when it has read all ends its stream by FIN',
    async (side) => {
      const unix = await unixPair(side === 'client' ? 'accepted' : 'dialed')
      const tcp = side === 'client' ? await upstreamPair() : await clientPair()
      const tcpSocket = 'socket' in tcp.inner ? tcp.inner.socket : tcp.inner
      const result =
        side === 'client' ? relay(unix.inner.socket, tcpSocket) : relay(tcpSocket, unix.inner.socket)
      const asked = once(unix.peer, 'data')
      unix.peer.resume()
      await tcp.peer.write('question')
      await asked
      unix.peer.end('answer')
      unix.peer.destroySoon()
      expect(await tcp.peer.received).toMatchObject({ bytes: 6, ending: 'fin' })
      tcp.peer.end()
      expect((await result).reason).toBe(`${side}-end`)
    },
  )

  test.each(['upstream', 'client'] as const)(
    'that is the %s and closes with bytes unread resets, behind what it sent',
    async (side) => {
      const unix = await unixPair(side === 'client' ? 'accepted' : 'dialed')
      const tcp = side === 'client' ? await upstreamPair() : await clientPair()
      const tcpSocket = 'socket' in tcp.inner ? tcp.inner.socket : tcp.inner
      const result =
        side === 'client' ? relay(unix.inner.socket, tcpSocket) : relay(tcpSocket, unix.inner.socket)
      await tcp.peer.write('never read')
      while (unix.inner.socket.writableLength > 0 || (unix.inner.socket as Socket).bytesWritten < 10)
        await turn()
      unix.peer.write('answer')
      unix.peer.destroy()
      expect(await tcp.peer.received).toMatchObject({ bytes: 6, ending: 'reset' })
      expect((await result).reason).toBe(`${side}-reset`)
    },
  )

  test('that answers an upload and closes has its answer handed on', async () => {
    const unix = await unixPair('dialed')
    const tcp = await clientPair(true)
    const result = relay(tcp.inner, unix.inner.socket)
    await flood(tcp.peer.socket)
    unix.peer.write(ANSWER)
    unix.peer.destroy()
    tcp.peer.socket.resume()
    expect((await tcp.peer.received).bytes).toBe(ANSWER.length)
    expect((await result).reason).toBe('upstream-reset')
  })

  test('hears all that was for it, then the end, when the TCP side is reset', async () => {
    const unix = await unixPair('accepted')
    const tcp = await upstreamPair()
    const result = relay(unix.inner.socket, tcp.inner.socket)
    const outcome = heard(unix.peer)
    await tcp.peer.write('half an answer')
    while ((unix.inner.socket as Socket).bytesWritten < 14) await turn()
    tcp.peer.reset()
    expect(await outcome).toEqual({ text: 'half an answer', ending: 'fin' })
    expect((await result).reason).toBe('upstream-reset')
    unix.peer.destroy()
  })
})
