import { describe, expect, test } from 'vitest'
import { sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { house } from './toy.js'

const progress = [
  ['idle', 'ask\n', 'answer\n'],
  ['busy', 'ask\nmore\n', 'answer\n'],
  ['in the middle of an answer', 'ask\n', 'ans'],
  ['in the middle of a request', 'ask\nmo', 'answer\n'],
] as const

describe.each(progress)('when the lease is %s', (_state, request, answer) => {
  test("the upstream's FIN spends it, and reaches the client behind its bytes", async () => {
    const { connector, address, peer, result } = await house()
    const caller = await client(address)
    await caller.write(request)
    const served = await peer(0)
    await served.arrived(request.length)
    served.end(answer)
    expect(await caller.received).toMatchObject({ hash: sha256(answer), ending: 'fin' })
    caller.end('after all\n')
    expect(await served.received).toMatchObject({ hash: sha256(`${request}after all\n`), ending: 'fin' })
    expect(await result(0)).toMatchObject({ reason: 'upstream-end' })
    expect(connector.endings).toEqual(['discarded'])
  })

  test("the upstream's reset spends it, and reaches the client behind its bytes", async () => {
    const { connector, address, peer, result } = await house()
    const caller = await client(address)
    await caller.write(request)
    const served = await peer(0)
    await served.arrived(request.length)
    await served.write(answer)
    await caller.arrived(answer.length)
    served.reset()
    expect(await caller.received).toMatchObject({ hash: sha256(answer), ending: 'reset' })
    expect(await result(0)).toMatchObject({ reason: 'upstream-reset' })
    expect(connector.endings).toEqual(['discarded'])
  })

  test("the upstream's FIN spends it, when the client's own is withheld as well", async () => {
    const { connector, address, peer, result } = await house()
    const caller = await client(address)
    await caller.write(request)
    const served = await peer(0)
    await served.arrived(request.length)
    await served.write(answer)
    await caller.arrived(answer.length)
    served.end()
    await caller.received
    caller.end()
    await result(0)
    expect(await served.received).toMatchObject({ hash: sha256(request), ending: 'fin' })
    expect(connector.endings).toEqual(['discarded'])
  })
})

test('an answer that ends in FIN, after the client sent its own, ends both ways and spends the lease', async () => {
  const { connector, address, peer, result } = await house()
  const caller = await client(address)
  caller.end('ask\n')
  const served = await peer(0)
  await served.arrived(4)
  served.end('ans')
  expect(await caller.received).toMatchObject({ hash: sha256('ans'), ending: 'fin' })
  expect(await served.received).toMatchObject({ hash: sha256('ask\n'), ending: 'fin' })
  expect(await result(0)).toMatchObject({ reason: 'client-end' })
  expect(connector.endings).toEqual(['discarded'])
})
