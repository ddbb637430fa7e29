import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Address } from '@relay/core'
import { listenAt } from '@relay/core/connector'

export interface EchoServer {
  /** With the port that was picked. */
  readonly address: Address
  stats(): { readonly accepted: number; readonly bytes: number }
  /** Stops accepting and cuts who is still connected, at once. */
  close(): Promise<void>
}

/** Sends back what comes until a FIN, then sends its own. **Fails** with the system's error if it cannot listen. */
export async function startEcho(address: Address): Promise<EchoServer> {
  const sockets = new Set<Socket>()
  let accepted = 0
  let bytes = 0
  let closed: Promise<unknown> | undefined
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => {}) // a reset is the peer's right
    socket.on('close', () => {
      sockets.delete(socket)
      bytes += socket.bytesRead
    })
    socket.pipe(socket)
  })
  const listening = await listenAt(server, address)
  server.on('error', () => {}) // accept fails while descriptors are short, and works again after

  return {
    address: listening.address,
    stats: () => ({ accepted, bytes: [...sockets].reduce((sum, socket) => sum + socket.bytesRead, bytes) }),
    async close() {
      listening.leave()
      closed ??= once(server.close(), 'close')
      for (const socket of sockets) cut(socket)
      await closed
    },
  }
}

// A cut echo must not look whole. A unix socket knows no reset.
function cut(socket: Socket): void {
  if (socket.remotePort !== undefined && !socket.writableFinished) socket.resetAndDestroy()
  // Not only when what was written is gone, which a peer that does not read puts off for ever.
  socket.destroy()
}
