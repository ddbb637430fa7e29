import { describe, expect, test } from 'vitest'
import type { Goodbye } from '../../src/reuse-proof.js'
import { type Peer, sha256 } from '../support/peer.js'
import { client } from '../support/upstream.js'
import { type House, house, type ToyConnectorOptions, ToyProof } from './toy.js'

const saw = (text: string, ending: 'fin' | 'reset' = 'fin'): object => ({ hash: sha256(text), ending })

/** Its goodbye is the line that taints, where it is sent. */
class PoliteProof extends ToyProof {
  goodbye(chunk: Buffer): Goodbye | undefined {
    const said = chunk.toString('latin1').endsWith('taint\n')
    return said ? { bytes: 6, answer: Buffer.from('farewell\n') } : undefined
  }
}

type Scene = House & { readonly caller: Peer; readonly served: Peer }

/** A client whose first request is answered, or with which no more has happened than that it is there. */
async function begun(how: 'answered' | 'silent', lease: ToyConnectorOptions = {}): Promise<Scene> {
  const made = await house({ proof: () => new PoliteProof(), ...lease })
  const caller = await client(made.address)
  const served = await made.peer(0)
  if (how === 'answered') {
    await caller.write('ask\n')
    await served.arrived(4)
    await served.write('answer\n')
    await caller.arrived(7)
  }
  return { ...made, caller, served }
}

/** The next client is served by the same connection, and everything that connection ever heard is this and its request. */
async function nextIsServed({ connector, address, served }: Scene, heardBefore: string): Promise<void> {
  const next = await client(address)
  await next.write('again\n')
  await served.arrived(heardBefore.length + 6)
  await served.write('there you are\n')
  next.end()
  expect(await next.received).toMatchObject(saw('there you are\n'))
  expect(connector.connections.size).toBe(1)
  await connector.ended(2)
  for (const connection of connector.connections) connection.destroy()
  expect(await served.received).toMatchObject({ hash: sha256(`${heardBefore}again\n`) })
}

describe("the client's goodbye, on a lease whose rule knows one", () => {
  test('is answered here and followed by FIN, and the connection is given back without having heard of it', async () => {
    const scene = await begun('answered')
    await scene.caller.write('taint\n')
    expect(await scene.caller.received).toMatchObject(saw('answer\nfarewell\n'))
    expect(await scene.result(0)).toMatchObject({
      reason: 'client-end',
      up: { bytes: 4 },
      down: { bytes: 16 },
    })
    expect(scene.connector.endings).toEqual(['reusable'])
    await nextIsServed(scene, 'ask\n')
  })

  test('may be all that the client says', async () => {
    const scene = await begun('silent')
    await scene.caller.write('taint\n')
    expect(await scene.caller.received).toMatchObject(saw('farewell\n'))
    expect(await scene.result(0)).toMatchObject({ reason: 'client-end', up: { bytes: 0 } })
    await nextIsServed(scene, '')
  })

  test.each(['stays', 'sends FIN behind it'] as const)(
    'is answered behind all that is outstanding, when the client %s',
    async (how) => {
      const scene = await begun('silent')
      if (how === 'stays') await scene.caller.write('one\ntwo\ntaint\n')
      else scene.caller.end('one\ntwo\ntaint\n')
      await scene.served.arrived(8)
      await scene.served.write('first\nsec')
      await scene.caller.arrived(9)
      expect(scene.connector.endings).toEqual([])
      await scene.served.write('ond\n')
      expect(await scene.caller.received).toMatchObject(saw('first\nsecond\nfarewell\n'))
      expect(await scene.result(0)).toMatchObject({ reason: 'client-end' })
      await nextIsServed(scene, 'one\ntwo\n')
    },
  )

  test('is sent after all, in its place, when the client goes on behind it', async () => {
    const scene = await begun('silent')
    await scene.caller.write('ask\ntaint\n')
    await scene.served.arrived(4)
    await scene.caller.write('more\ntaint\n')
    await scene.served.arrived(21)
    await scene.served.write('answer\nwhat?\n')
    await scene.caller.arrived(13)
    scene.caller.end()
    expect(await scene.served.received).toMatchObject(saw('ask\ntaint\nmore\ntaint\n'))
    scene.served.end()
    expect(await scene.caller.received).toMatchObject(saw('answer\nwhat?\n'))
    await scene.result(0)
    expect(scene.connector.endings).toEqual(['discarded'])
  })

  test.each([
    ['in the middle of a pipeline', ['taint\nask\n']],
    ['behind half a request', ['x', 'taint\n']],
    ['behind a request that taints', ['taint\ntaint\n']],
    ['of which a part was sent before', ['ta', 'int\n']],
  ])('is passed on, and what the server says is delivered: one %s', async (_where, pieces) => {
    const scene = await begun('answered')
    const said = pieces.join('')
    let arrived = 4
    for (const piece of pieces) {
      await scene.caller.write(piece)
      arrived += piece.length
      await scene.served.arrived(arrived)
    }
    scene.served.end('its own words\n')
    expect(await scene.caller.received).toMatchObject(saw('answer\nits own words\n'))
    scene.caller.end()
    expect(await scene.served.received).toMatchObject(saw(`ask\n${said}`))
    expect(await scene.result(0)).toMatchObject({ reason: 'upstream-end' })
    expect(scene.connector.endings).toEqual(['discarded'])
  })

  test('behind a first request that taints goes to another connection with it, once', async () => {
    const scene = await begun('answered')
    scene.caller.end()
    await scene.connector.ended(1)
    const next = await client(scene.address)
    await next.write('taint\ntaint\n')
    const served = await scene.peer(1)
    served.end('its own words\n')
    expect(await next.received).toMatchObject(saw('its own words\n'))
    next.end()
    expect(await served.received).toMatchObject(saw('taint\ntaint\n'))
  })

  test('is sent when the upstream ends while answers are outstanding', async () => {
    const scene = await begun('answered')
    await scene.caller.write('one\ntaint\n')
    await scene.served.arrived(8)
    scene.served.end('half an ans')
    expect(await scene.caller.received).toMatchObject(saw('answer\nhalf an ans'))
    scene.caller.end()
    expect(await scene.served.received).toMatchObject(saw('ask\none\ntaint\n'))
    expect(await scene.result(0)).toMatchObject({ reason: 'upstream-end' })
    expect(scene.connector.endings).toEqual(['discarded'])
  })

  test('is not sent behind a reset, which ends a busy connection as ever', async () => {
    const scene = await begun('answered')
    await scene.caller.write('one\ntaint\n')
    await scene.served.arrived(8)
    scene.caller.reset()
    expect(await scene.served.received).toMatchObject(saw('ask\none\n', 'reset'))
    expect(await scene.result(0)).toMatchObject({ reason: 'client-reset' })
    expect(scene.connector.endings).toEqual(['discarded'])
  })

  test('is answered on another connection when this one proves stale', async () => {
    const made = await house({ proof: () => new PoliteProof(), origin: 'prewarmed', retryStale: 'replay' })
    const caller = await client(made.address)
    const stale = await made.peer(0)
    await caller.write('ask\ntaint\n')
    await stale.arrived(4)
    stale.end()
    const served = await made.peer(1)
    await served.arrived(4)
    await served.write('answer\n')
    expect(await caller.received).toMatchObject(saw('answer\nfarewell\n'))
    expect(await made.result(0)).toMatchObject({ reason: 'client-end' })
    expect(made.connector.endings).toEqual(['discarded', 'reusable'])
  })
})
