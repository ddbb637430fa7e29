import { describe, expect, test } from 'vitest'
import { sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { house } from './toy.js'

const KIB = 1024
const trusted = { proof: null, trusted: true } as const

describe("on trust, the client's FIN", () => {
  test('gives the connection back behind its bytes, and the next client has it', async () => {
    const { connector, address, peer, result } = await house(trusted)
    for (let session = 0; session < 3; session++) {
      const caller = await client(address)
      await caller.write('ask\n')
      const served = await peer(0)
      await served.arrived(4 * (session + 1))
      await served.write('answer\n')
      await caller.arrived(7)
      caller.end()
      expect(await caller.received).toMatchObject({ hash: sha256('answer\n'), ending: 'fin' })
      expect(await result(session)).toMatchObject({
        reason: 'client-end',
        up: { bytes: 4 },
        down: { bytes: 7 },
      })
      expect(served.socket.readableEnded).toBe(false)
    }
    expect(connector.endings).toEqual(['reusable', 'reusable', 'reusable'])
    expect(connector.connections.size).toBe(1)
  })

  test('gives the connection back when the upstream has taken everything, however slowly, and not before', async () => {
    const { connector, server, address, peer, result } = await house(trusted)
    const caller = await client(address)
    const served = await peer(0)
    served.socket.pause()
    const sent = Buffer.alloc(8 * 1024 * KIB, 'all of it must arrive. ')
    // More than kernels take: some of it waits in the relay, and its FIN behind it.
    caller.end(sent)
    await expect.poll(() => server.stats().up.bytes, { interval: 2, timeout: 10_000 }).toBeGreaterThan(0)
    expect(connector.endings).toEqual([])
    served.socket.resume()
    await served.arrived(sent.length)
    expect(await result(0)).toMatchObject({ reason: 'client-end', up: { bytes: sent.length } })
    expect(connector.endings).toEqual(['reusable'])
    expect(served.bytes).toBe(sent.length)
    expect(served.socket.readableEnded).toBe(false)
    for (const connection of connector.connections) connection.destroy()
    expect(await served.received).toMatchObject({ hash: sha256(sent) })
  })

  test('waits for a slow client to take what has arrived for it', async () => {
    const { connector, server, address, peer, result } = await house(trusted)
    const caller = await client(address, { paused: true })
    const served = await peer(0)
    const answer = Buffer.alloc(200 * KIB, 'slowly does it. ')
    await served.write(answer)
    await expect.poll(() => server.stats().down.bytes, { interval: 2, timeout: 10_000 }).toBe(answer.length)
    caller.end('thanks\n')
    await served.arrived(7)
    caller.socket.resume()
    expect(await caller.received).toEqual({ bytes: answer.length, hash: sha256(answer), ending: 'fin' })
    await result(0)
    expect(connector.endings).toEqual(['reusable'])
  })

  test('gives back nothing when the upstream has ended first', async () => {
    const { connector, address, peer, result } = await house(trusted)
    const caller = await client(address)
    ;(await peer(0)).end('bye\n')
    expect(await caller.received).toMatchObject({ hash: sha256('bye\n'), ending: 'fin' })
    caller.end()
    expect(await result(0)).toMatchObject({ reason: 'upstream-end' })
    expect(await connector.ended(1)).toEqual(['discarded'])
  })
})

test('on trust, a reset client gives the connection back: the word of the user holds for it, too', async () => {
  const { connector, address, peer, result } = await house(trusted)
  const caller = await client(address)
  await caller.write('ask\n')
  const served = await peer(0)
  await served.arrived(4)
  await served.write('answer\n')
  await caller.arrived(7)
  caller.reset()
  expect(await result(0)).toMatchObject({ reason: 'client-reset' })
  expect(connector.endings).toEqual(['reusable'])
  expect(served.socket.destroyed).toBe(false)
})
