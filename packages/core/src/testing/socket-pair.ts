import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Two TCP sockets on loopback, connected to each other; either can send FIN and go on reading. Yours to destroy. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  try {
    await once(socket, 'connect')
    return [socket, (await accepted)[0]]
  } finally {
    server.close()
  }
}
