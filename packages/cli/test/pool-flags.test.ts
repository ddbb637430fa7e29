import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { portOf, spawnRelay } from './support/spawn-relay.js'

interface Listening {
  readonly port: number
  /** Resolves with the nth connection. */
  accepted(index: number): Promise<Socket>
}

async function listen(
  onSocket: (socket: Socket) => void,
  options: { pauseOnConnect?: boolean } = {},
): Promise<Listening> {
  const sockets: Socket[] = []
  const server: Server = createServer({ allowHalfOpen: true, ...options }, (socket) => {
    sockets.push(socket.on('error', () => {}))
    onSocket(socket)
    server.emit('taken')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as { port: number }).port,
    async accepted(index) {
      while (sockets.length <= index) await once(server, 'taken')
      return sockets[index] as Socket
    },
  }
}

test('--pool-max-age closes a pooled connection at that age, though it is used now and then', async () => {
  const upstream = await listen((socket) => socket.on('end', () => socket.end()).pipe(socket, { end: false }))
  const relay = spawnRelay(
    'forward',
    '0',
    String(upstream.port),
    '--reuse',
    'lines',
    '--pool-max-age',
    '300ms',
  )
  const { listen: address } = await relay.err.message('listening')
  const client = connect(portOf(address), '127.0.0.1')
  client.end('hello\n')
  await once(client.resume(), 'close')
  const pooled = await upstream.accepted(0)
  await once(pooled, 'close')
  relay.child.kill('SIGTERM')
  expect(await relay.exit).toBe(0)
  expect(await relay.err.message('pool')).toMatchObject({ evicted: { 'max-lifetime': 1 } })
})

test('an upstream that serves nobody else while connections are idle is told of once', async () => {
  // Reads one connection after the other: the next when the last has ended.
  const waiting: Socket[] = []
  const next = (): void => {
    waiting[0]
      ?.on('end', () => waiting[0]?.end())
      .on('close', () => {
        waiting.shift()
        next()
      })
      .resume()
  }
  const upstream = await listen((socket) => void (waiting.push(socket) === 1 && next()), {
    pauseOnConnect: true,
  })
  const relay = spawnRelay('forward', '0', String(upstream.port), '--prewarm', '3')
  await relay.err.message('listening')
  const line = await relay.err.message(
    'the upstream serves nobody else while connections are idle: none is opened ahead',
  )
  expect(line).toMatchObject({ level: 'warn', prewarm: 'no-room' })
  relay.child.kill('SIGTERM')
  expect(await relay.exit).toBe(0)
})
