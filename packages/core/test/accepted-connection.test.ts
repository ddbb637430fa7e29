import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { acceptedConnection } from '../src/accepted-connection.js'
import type { RawConnection } from '../src/raw-connection.js'
import { Peer, sha256 } from './support/peer.js'

const KIB = 1024

interface Accepted {
  readonly connection: RawConnection
  readonly socket: Socket
  readonly peer: Peer
  readonly lent: boolean[]
  readonly chunks: Buffer[]
  readonly ended: Promise<void>
  readonly closed: Promise<Error | undefined>
  /** Resolves when the server is closed. */
  close(): Promise<void>
}

async function accept(path?: string, change: (socket: Socket) => void = () => {}): Promise<Accepted> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(path ?? { host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const accepted = new Promise<[Socket, RawConnection]>((resolve) => {
    server.once('connection', (socket: Socket) => {
      change(socket)
      resolve([socket, acceptedConnection(socket)])
    })
  })
  const outgoing = connect(path === undefined ? { port: (server.address() as AddressInfo).port } : { path })
  const peer = new Peer(outgoing)
  const [socket, connection] = await accepted
  const lent: boolean[] = []
  const chunks: Buffer[] = []
  let onEnd = (): void => {}
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve
  })
  const closed = new Promise<Error | undefined>((resolve) => {
    connection.attach({
      reader: {
        onData: (chunk, loan) => {
          lent.push(loan !== undefined)
          chunks.push(Buffer.from(chunk))
          return true
        },
        onEnd,
      },
      writer: { onFlushed: () => {}, onFinished: () => {} },
      onClosed: resolve,
    })
  })
  onTestFinished(() => {
    connection.destroy()
    outgoing.destroy()
  })
  const close = async (): Promise<void> => {
    await new Promise((resolve) => server.close(resolve))
  }
  return { connection, socket, peer, lent, chunks, ended, closed, close }
}

const withoutBuffer = (socket: Socket): void => {
  Object.defineProperty((socket as unknown as { _handle: object })._handle, 'useUserBuffer', { value: 1 })
}

describe.each([
  ['of TCP', undefined, undefined],
  ['of a unix socket', join(tmpdir(), `relay-accepted-${process.pid}`), undefined],
  ['of a Node whose handles are not what they were', undefined, withoutBuffer],
])('a connection that was accepted, %s', (_kind, path, change) => {
  test('carries both directions, to the last byte and the FIN behind it', async () => {
    const { connection, peer, chunks, ended, closed, lent, close } = await accept(path, change)
    connection.resume()
    const data = Buffer.alloc(700 * KIB, 'all of it, ')
    peer.socket.end(data)
    await ended
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(data))
    // What this is for.
    expect(lent.includes(true)).toBe(change === undefined)
    connection.socket.end(data)
    expect(await peer.received).toEqual({ bytes: data.length, hash: sha256(data), ending: 'fin' })
    expect(await closed).toBe(undefined)
    await close()
  })

  test('gives what came before anybody read it', async () => {
    const { connection, peer, chunks, ended, close } = await accept(path, change)
    await peer.write('early')
    peer.end()
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
    expect(chunks).toEqual([])
    connection.resume()
    await ended
    expect(Buffer.concat(chunks).toString()).toBe('early')
    connection.destroy()
    await close()
  })

  test('keeps no server from closing, and knows its addresses', async () => {
    const { connection, peer, close } = await accept(path, change)
    const { remotePort, remoteAddress } = connection.socket as Socket
    expect([remotePort, remoteAddress]).toEqual([peer.socket.localPort, peer.socket.localAddress])
    const closing = close()
    // What is left of the accepted socket is nothing that a server could wait for; but it does for one that is used as it is.
    if (change === undefined) await closing
    connection.destroy()
    await closing
  })
})

test.each([
  ['', undefined],
  [', in a Node whose handles are not what they were', withoutBuffer],
])('a reset by the client is told, with its error%s', async (_kind, change) => {
  const { connection, peer, closed, close } = await accept(undefined, change)
  connection.resume()
  await peer.write('something')
  peer.reset()
  expect(await closed).toMatchObject({ code: 'ECONNRESET' })
  await close()
})

test('a reset is told though nobody reads, behind a little that is kept', async () => {
  const { connection, peer, chunks, closed, close } = await accept()
  await peer.write('a little')
  while ((connection.socket as Socket).bytesRead < 8) await new Promise(setImmediate)
  peer.reset()
  expect(await closed).toMatchObject({ code: 'ECONNRESET' })
  expect(chunks).toEqual([])
  expect(connection.takeUnread().map(String)).toEqual(['a little'])
  await close()
})

test('no more than a little is read ahead of its reader, and all of it is there for him', async () => {
  const { connection, peer, chunks, ended, close } = await accept()
  const data = Buffer.alloc(8 * KIB * KIB, 'more than a little, ')
  peer.socket.write(data)
  const { socket } = connection
  for (let read = -1; read !== (socket as Socket).bytesRead; ) {
    read = (socket as Socket).bytesRead
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
  }
  expect((socket as Socket).bytesRead).toBeGreaterThan(0)
  expect((socket as Socket).bytesRead).toBeLessThanOrEqual(80 * KIB)
  connection.resume()
  peer.end()
  await ended
  expect(sha256(Buffer.concat(chunks))).toBe(sha256(data))
  connection.destroy()
  await close()
})
