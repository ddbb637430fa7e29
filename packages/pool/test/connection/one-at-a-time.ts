import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface OneAtATime {
  readonly target: { readonly host: string; readonly port: number }
  /** Connections that were open, and said nothing, until now. */
  readonly silent: number
  /** From here on each connection is read as soon as it comes. */
  serveAll(): void
}

/**
 * Serves as a worker does that has no other beside it: reads a connection to its end, answers a line by itself and closes, and looks at
 * the next one only then. The kernel accepts connections all the while.
 */
export async function oneAtATime(): Promise<OneAtATime> {
  const waiting: Socket[] = []
  const open = new Set<Socket>()
  let all = false
  const next = (): void => {
    const socket = waiting[0]
    if (socket === undefined) return
    serve(socket, () => {
      waiting.shift()
      next()
    })
  }
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    if (all) return serve(socket, () => {})
    waiting.push(socket)
    if (waiting.length === 1) next()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as { port: number }
  return {
    target: { host: '127.0.0.1', port },
    get silent() {
      return open.size
    },
    serveAll: () => {
      all = true
      for (const socket of waiting.splice(0)) serve(socket, () => {})
    },
  }
}

function serve(socket: Socket, then: () => void): void {
  socket.once('data', (line) => socket.end(line))
  socket.once('end', () => socket.end())
  socket.once('close', then)
  socket.resume()
}
