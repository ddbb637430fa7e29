import { describe, expect, test } from 'vitest'
import { sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { house, ToyProof } from './toy.js'

const saw = (text: string, ending: 'fin' | 'reset' = 'fin'): object => ({ hash: sha256(text), ending })

describe("the client's FIN, on a lease with a rule", () => {
  test('gives an idle connection back, and comes back to the client as a FIN behind its bytes', async () => {
    const { connector, address, peer, result } = await house()
    const caller = await client(address)
    await caller.write('ask\n')
    const served = await peer(0)
    await served.arrived(4)
    await served.write('answer\n')
    await caller.arrived(7)
    caller.end()
    expect(await caller.received).toMatchObject(saw('answer\n'))
    expect(await result(0)).toMatchObject({ reason: 'client-end', up: { bytes: 4 }, down: { bytes: 7 } })
    expect(connector.endings).toEqual(['reusable'])

    const next = await client(address)
    next.end('again\n')
    await served.arrived(10)
    await served.write('there you are\n')
    expect(await next.received).toMatchObject(saw('there you are\n'))
    await result(1)
    expect(connector.endings).toEqual(['reusable', 'reusable'])
    expect(connector.connections.size).toBe(1)
    // Neither of the two FINs has reached it.
    expect(served.socket.readableEnded).toBe(false)
    served.end()
    for (const connection of connector.connections) connection.destroy()
    expect(await served.received).toMatchObject({ hash: sha256('ask\nagain\n') })
  })

  test('gives a connection back that nobody has written to', async () => {
    const { connector, address, result } = await house()
    const caller = await client(address)
    caller.end()
    expect(await caller.received).toMatchObject(saw(''))
    expect(await result(0)).toMatchObject({ reason: 'client-end' })
    expect(connector.endings).toEqual(['reusable'])
  })

  test.each(['forward', 'close'] as const)(
    'waits for every outstanding answer, then gives it back (halfClose: %s)',
    async (halfClose) => {
      const { connector, address, server, peer, result } = await house({}, { halfClose })
      const caller = await client(address)
      caller.end('one\ntwo\n')
      const served = await peer(0)
      await served.arrived(8)
      await served.write('first\nsec')
      await caller.arrived(9)
      expect(connector.endings).toEqual([])
      expect(server.stats().active).toBe(1)
      await served.write('ond\n')
      expect(await caller.received).toMatchObject(saw('first\nsecond\n'))
      expect(await result(0)).toMatchObject({ reason: 'client-end', down: { bytes: 13 } })
      expect(connector.endings).toEqual(['reusable'])
      expect(served.socket.readableEnded).toBe(false)
    },
  )

  test('gives a dirty connection back: its lender cleans it', async () => {
    const proof = new ToyProof()
    const { connector, address, peer, result } = await house({ proof: () => proof })
    const caller = await client(address)
    caller.end('set\n')
    await (await peer(0)).write('done\n')
    expect(await caller.received).toMatchObject(saw('done\n'))
    await result(0)
    expect(connector.endings).toEqual(['reusable'])
    expect(proof.state).toBe('dirty')
  })

  test.each([
    ['half a request', 'half'],
    ['a whole request and half of one', 'one\nhal'],
    ['a request that taints', 'taint\n'],
  ])('is forwarded after %s, which spends the connection', async (_what, sent) => {
    const { connector, address, peer, result } = await house()
    const caller = await client(address)
    caller.end(sent)
    const served = await peer(0)
    expect(await served.received).toMatchObject(saw(sent))
    served.end('a last word\n')
    expect(await caller.received).toMatchObject(saw('a last word\n'))
    expect(await result(0)).toMatchObject({ reason: 'client-end' })
    expect(connector.endings).toEqual(['discarded'])
  })

  test('is forwarded at once when there is no rule', async () => {
    const { connector, address, peer, result } = await house({ proof: null })
    const caller = await client(address)
    caller.end('ask\n')
    const served = await peer(0)
    expect(await served.received).toMatchObject(saw('ask\n'))
    served.end('answer\n')
    expect(await caller.received).toMatchObject(saw('answer\n'))
    await result(0)
    expect(connector.endings).toEqual(['discarded'])
  })

  test('is forwarded when the answer it waits for turns out to be foreign to the rule', async () => {
    const { connector, address, peer, result } = await house()
    const caller = await client(address)
    caller.end('ask\n')
    const served = await peer(0)
    await served.arrived(4)
    await served.write('answer\nand more\n')
    expect(await served.received).toMatchObject(saw('ask\n'))
    served.end()
    expect(await caller.received).toMatchObject(saw('answer\nand more\n'))
    await result(0)
    expect(connector.endings).toEqual(['discarded'])
  })

  test('waits no longer than the linger time: then both are reset, for the answer is not whole', async () => {
    const { connector, address, peer, result } = await house({}, { lingerMs: 40 })
    const caller = await client(address)
    caller.end('ask\n')
    const served = await peer(0)
    await served.arrived(4)
    await served.write('ans')
    expect(await caller.received).toMatchObject(saw('ans', 'reset'))
    expect(await served.received).toMatchObject(saw('ask\n', 'reset'))
    expect(await result(0)).toMatchObject({ reason: 'linger-timeout' })
    expect(connector.endings).toEqual(['discarded'])
  })
})
