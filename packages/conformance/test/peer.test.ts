import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Peer } from '../src/peer.js'

interface PairOptions {
  readonly lateClient?: boolean
  readonly unix?: boolean
}

/** Two peers of one connection, with no relay between them. */
async function pair({ lateClient, unix }: PairOptions = {}): Promise<{ client: Peer; server: Peer }> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'))
  const path = join(folder, 'sock')
  const transport = unix ? 'unix' : 'tcp'
  const listener = createServer({ allowHalfOpen: true, highWaterMark: 1 }).listen(
    unix ? { path } : { port: 0, host: '127.0.0.1' },
  )
  await once(listener, 'listening')
  const socket = new Socket({ allowHalfOpen: true })
  if (lateClient) socket.pause()
  socket.connect(unix ? { path } : { port: (listener.address() as AddressInfo).port, host: '127.0.0.1' })
  const client = new Peer(socket, { transport })
  const [accepted] = (await once(listener, 'connection')) as [Socket]
  const server = new Peer(accepted, { transport })
  if (socket.connecting) await once(socket, 'connect')
  client.play('s1', 'client')
  server.play('s1', 'server')
  onTestFinished(async () => {
    client.close()
    server.close()
    listener.close()
    await once(listener, 'close')
    rmSync(folder, { recursive: true })
  })
  return { client, server }
}

describe('tells how a stream ended', () => {
  test('FIN, also behind its own, and of two FINs at once', async () => {
    for (const first of ['client', 'server', 'both'] as const) {
      const { client, server } = await pair()
      client.send(1_000)
      server.send(1_000)
      if (first !== 'server') client.finish()
      if (first === 'client') await server.ended
      server.finish()
      if (first === 'server') await client.ended
      client.finish()
      expect(await Promise.all([client.ended, server.ended])).toEqual(['FIN', 'FIN'])
      expect([client.bytes, client.intact, server.bytes, server.intact]).toEqual([1_000, true, 1_000, true])
    }
  })

  test('a reset that comes with data', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { client, server } = await pair()
      server.send(8_192)
      server.reset()
      expect(await client.ended).toBe('reset')
      expect(client.bytes).toBe(8_192)
    }
  })

  test('a reset that comes with data behind its own FIN', {
    skip: process.platform !== 'linux',
  }, async () => {
    for (let round = 0; round < 20; round += 1) {
      const { client, server } = await pair()
      client.finish()
      await server.ended
      server.send(8_192)
      server.reset()
      expect(await client.ended).toBe('reset')
      expect(client.bytes).toBe(8_192)
    }
  })

  test('a reset that waited for a late reader, behind all that was sent', async () => {
    const { client, server } = await pair({ lateClient: true })
    server.send(50_000)
    await server.delivered()
    server.reset()
    await sleep(100)
    expect([client.bytes, client.ending]).toEqual([0, 'open'])
    client.read()
    expect(await client.ended).toBe('reset')
    expect([client.bytes, client.intact]).toEqual([50_000, true])
  })
})

describe('over a unix socket', { skip: process.platform === 'win32' }, () => {
  test('a close with nothing unread is FIN, whenever it is read', async () => {
    for (const lateClient of [false, true]) {
      const { client, server } = await pair({ lateClient, unix: true })
      server.send(50_000)
      await server.flushed()
      server.close()
      await sleep(50)
      client.read()
      expect(await client.ended).toBe('FIN')
      expect([client.bytes, client.intact]).toEqual([50_000, true])
    }
  })

  test('a close with bytes unread is a reset behind the data, also behind its own FIN', {
    skip: process.platform !== 'linux',
  }, async () => {
    for (const finished of [false, true]) {
      const { client, server } = await pair({ unix: true })
      server.hold()
      for (let n = 0; n < 2; n += 1) {
        client.send(1)
        await sleep(50)
      }
      if (finished) client.finish()
      server.send(8_192)
      server.reset()
      expect(await client.ended).toBe('reset')
      expect(client.bytes).toBe(8_192)
    }
  })
})

test('knows what has been acknowledged', { skip: process.platform !== 'linux' }, async () => {
  const { client, server } = await pair({ lateClient: true })
  server.pump(Number.POSITIVE_INFINITY)
  await server.stalled(200, 5_000)
  const acknowledged = await server.acknowledged()
  expect(acknowledged).toBeGreaterThan(0)
  expect(acknowledged).toBeLessThan(server.taken)
  server.reset()
  client.read()
  expect(await client.ended).toBe('reset')
  expect(client.bytes).toBeGreaterThanOrEqual(acknowledged)
})
