import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { relay } from '@relay/core'
import { expect, onTestFinished, test } from 'vitest'
import { connectionPool, redis } from '../../src/index.js'
import { identity } from './identity.js'
import { RedisProcess, withoutRedis } from './redis-process.js'
import { relayed } from './relayed.js'
import { bulk, request } from './resp.js'
import { Visitor } from './visitor.js'

// On a busy machine; no test depends on it.
const TIMEOUT_MS = 120_000
// More than the kernel keeps for a client that does not read.
const LARGE_BYTES = 6_000_000

/** Text in which no byte can be moved unseen. */
function numbered(id: string, bytes: number): string {
  let text = ''
  for (let line = 0; text.length < bytes; line++) text += `${id}:${line} `
  return text.slice(0, bytes)
}

test.skipIf(withoutRedis)(
  'gives each slow client its own answer, unharmed, on connections used before',
  async () => {
    const server = await RedisProcess.start()
    const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis(), max: 2 })
    const port = await relayed(pool)
    const slowSession = async (number: number): Promise<void> => {
      const value = numbered(identity(number), LARGE_BYTES)
      const writer = new Visitor(port, 0)
      writer.write(request(['SET', identity(number), value]))
      await writer.until(() => writer.replies > 0)
      writer.leave('fin')
      const reader = new Visitor(port, 0)
      reader.socket.pause()
      reader.write(request(['GET', identity(number)]) + request(['DEL', identity(number)]))
      await sleep(100)
      reader.socket.resume()
      await reader.until(() => reader.replies > 1)
      reader.leave('fin')
      await reader.until(() => false)
      // Not by toBe(): nobody wants to see the difference of such texts.
      expect(reader.received === `${bulk(value)}:1\r\n`, `what ${identity(number)} received`).toBe(true)
    }
    await Promise.all(Array.from({ length: 4 }, (_, number) => slowSession(number + 1)))
    expect(pool.stats().lent.reused).toBeGreaterThan(0)
  },
  TIMEOUT_MS,
)

/** A server on loopback that answers each request by its last argument; it is gone when the test is. */
async function answering(
  answer: (socket: Socket, argument: string) => unknown,
): Promise<{ port: number; accepted: readonly Socket[] }> {
  const accepted: Socket[] = []
  const server = createServer({ noDelay: true }, (socket) => {
    accepted.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => answer(socket, chunk.toString('latin1').split('\r\n').at(-2) ?? ''))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of accepted) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  return { port: (server.address() as AddressInfo).port, accepted }
}

test(
  'gives a slow client an answer that came in small pieces as it was',
  async () => {
    const text = bulk(numbered(identity(1), LARGE_BYTES))
    let sent = 0
    const server = await answering(async (socket) => {
      // A turn of the loop for each: the relay reads each piece by itself.
      for (; sent < text.length; await turn()) {
        socket.write(text.slice(sent, sent + 3_000))
        sent += 3_000
      }
    })
    const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
    const visitor = new Visitor(await relayed(pool), 0)
    visitor.socket.pause()
    visitor.write(request(['ECHO', identity(1)]))
    while (sent < text.length) await turn()
    visitor.socket.resume()
    await visitor.until(() => visitor.replies > 0)
    visitor.leave('fin')
    await visitor.until(() => false)
    expect(visitor.received === text).toBe(true)
  },
  TIMEOUT_MS,
)

/** A client that takes what it is given when it is told to, and not before. */
function slowClient(asks: string): { client: Duplex; received(): string; take(): void } {
  let received = ''
  let taken = (): void => {}
  const client = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      received += chunk.toString('latin1')
      taken = done
    },
  })
  client.push(asks)
  client.push(null)
  return { client, received: () => received, take: () => taken() }
}

test(
  'never gives the next client what came while the last one was still taking its answer',
  async () => {
    const server = await answering((socket, argument) => void socket.write(bulk(argument)))
    const dial = { host: '127.0.0.1', port: server.port }
    const pool = connectionPool({ dial, reuse: redis(), max: 1 })

    const slow = slowClient(request(['ECHO', identity(1)]))
    const slowSession = relay(slow.client, await pool.borrow())
    await expect.poll(() => slow.received()).toBe(bulk(identity(1)))
    const next = slowClient(request(['ECHO', identity(2)]))
    const nextSession = pool.borrow().then((lease) => relay(next.client, lease))
    // Nothing is owed any more, and the connection would be free if its client had taken the answer.
    server.accepted[0]?.write(bulk(identity(1)))
    await sleep(50)
    // From within a poll, which the loop does not do again before its immediates.
    await stat('.')
    slow.take()
    await expect.poll(() => next.received()).not.toBe('')
    expect(next.received()).toBe(bulk(identity(2)))
    next.take()
    await Promise.all([slowSession, nextSession])
    await pool.close({ graceMs: 0 })
  },
  TIMEOUT_MS,
)

test('never gives a client the rest of what began to come while its connection was idle', async () => {
  const [late, rest] = ['$8\r\nS000', '0001\r\n']
  const server = await answering((socket, argument) => {
    const other = argument !== identity(1) && socket === server.accepted[0]
    socket.write(`${other ? rest : ''}${bulk(argument)}`)
  })
  const pool = connectionPool({ dial: { host: '127.0.0.1', port: server.port }, reuse: redis() })
  const port = await relayed(pool)
  const visit = async (id: string): Promise<string> => {
    const visitor = new Visitor(port, 0)
    visitor.write(request(['ECHO', id]))
    await visitor.until(() => visitor.replies > 0)
    visitor.leave('fin')
    await visitor.until(() => false)
    return visitor.received
  }
  expect(await visit(identity(1))).toBe(bulk(identity(1)))
  await expect.poll(() => pool.stats().idle).toBe(1)
  server.accepted[0]?.write(late)
  await sleep(50)
  expect(await visit(identity(2))).toBe(bulk(identity(2)))
})
