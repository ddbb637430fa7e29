import { type AddressInfo, connect, createServer, type ListenOptions, type Socket } from 'node:net'
import { cleanUp } from './clean-up.js'

/** How a stream ended, as its reader saw it. */
type Ending = 'fin' | 'reset'

export interface Received {
  readonly data: Buffer
  readonly ending: Ending
}

/** Listens in this process until the test is over, and resolves with the port (0 on a unix socket). */
export async function listen(onSocket: (socket: Socket) => void, where: ListenOptions = {}): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    onSocket(socket)
  })
  const address = where.path === undefined ? { host: '127.0.0.1', port: 0, ...where } : where
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(address, resolve)
  })
  cleanUp(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  const bound = server.address()
  return bound === null || typeof bound === 'string' ? 0 : (bound as AddressInfo).port
}

/** An upstream that sends back what it gets, FIN included. */
export function echo(socket: Socket): void {
  socket.pipe(socket)
}

/** A client of 127.0.0.1 or of a unix socket; it is gone with the test. */
export function open(where: number | string): Socket {
  const socket =
    typeof where === 'number'
      ? connect({ host: '127.0.0.1', port: where, allowHalfOpen: true })
      : connect({ path: where, allowHalfOpen: true })
  socket.on('error', () => {})
  cleanUp(() => void socket.destroy())
  return socket
}

/** Everything that comes in, and how it ended. */
export function received(socket: Socket): Promise<Received> {
  const chunks: Buffer[] = []
  return new Promise((resolve) => {
    const settle = (ending: Ending): void => resolve({ data: Buffer.concat(chunks), ending })
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => settle('fin'))
    socket.on('error', () => settle('reset'))
    socket.on('close', () => settle('reset'))
  })
}

/** Sends all of it and a FIN, and resolves with what comes back. */
export function exchange(where: number | string, data: string | Buffer): Promise<Received> {
  const socket = open(where)
  socket.end(data)
  return received(socket).finally(() => socket.destroy())
}
