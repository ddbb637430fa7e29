import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'
import { type Address, formatAddress } from '../../src/address.js'
import { Peer } from './peer.js'

export interface Upstream {
  readonly target: { readonly host: string; readonly port: number }
  /** Connections accepted so far. */
  readonly accepted: number
}

/** A server on loopback that hands each connection to `onPeer`; it is gone when the test is. */
export async function upstream(onPeer: (peer: Peer) => void, tls?: TlsOptions): Promise<Upstream> {
  let accepted = 0
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket): void => {
    accepted++
    onPeer(new Peer(socket))
  }
  const server = tls
    ? createTlsServer({ allowHalfOpen: true, ...tls }, onSocket).on('tlsClientError', () => {})
    : createServer({ allowHalfOpen: true }, onSocket)
  // Those under TLS too, whose handshake may never end.
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    target: { host: '127.0.0.1', port },
    get accepted() {
      return accepted
    },
  }
}

/** Answers everything with itself, and a FIN with a FIN. */
export function echo({ socket }: Peer): void {
  socket.pipe(socket)
}

/** A client of an address. Who is reset before it knows that it was connected is a peer that received a reset, too. */
export async function client(
  address: Address | undefined,
  options: { paused?: boolean } = {},
): Promise<Peer> {
  if (address === undefined) throw new Error('the server does not listen')
  const socket = connect({ ...address, allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  const peer = new Peer(socket, options)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', (cause) => {
      if ('code' in cause && cause.code === 'ECONNRESET') resolve()
      else reject(new Error(`no connection to ${formatAddress(address)}`, { cause }))
    })
  })
  return peer
}
