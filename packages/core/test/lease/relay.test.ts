import { expect, onTestFinished, test } from 'vitest'
import { relay } from '../../src/relay.js'
import type { Stage } from '../../src/stage.js'
import { type Peer, sha256 } from '../support/peer.js'
import { upstream } from '../support/upstream.js'
import { clientPair } from '../support/wire.js'
import { Arrivals, ToyConnector } from './toy.js'

// relay() takes a lease as it takes a socket, and has no connector to turn to.

test('relay() of a lease that proves stale ends as the upstream did: there is no other to replace it', async () => {
  const peers = new Arrivals<Peer>()
  const { target } = await upstream((peer) => peers.push(peer))
  const connector = new ToyConnector(target, {
    origin: 'reused',
    proof: null,
    retryStale: 'before-first-byte',
  })
  const { inner, peer } = await clientPair()
  onTestFinished(() => void peer.socket.destroy())
  const result = relay(inner, await connector.connect())
  ;(await peers.at(0)).end()
  expect(await peer.received).toMatchObject({ bytes: 0, ending: 'fin' })
  peer.end()
  expect(await result).toMatchObject({ reason: 'upstream-end' })
  expect(connector.endings).toEqual(['discarded'])
})

test('relay() of a lease goes through its stages, too', async () => {
  const { target } = await upstream((peer) => void peer.socket.pipe(peer.socket))
  const connector = new ToyConnector(target)
  const { inner, peer } = await clientPair()
  onTestFinished(() => void peer.socket.destroy())
  const loud: Stage = { name: 'loud', up: () => (chunk) => String(chunk).toUpperCase() }
  const result = relay(inner, await connector.connect(), { stages: [loud] })
  await peer.write('ask\n')
  await peer.arrived(4)
  peer.end()
  expect(await peer.received).toMatchObject({ hash: sha256('ASK\n'), ending: 'fin' })
  expect(await result).toMatchObject({ reason: 'client-end' })
})

test("halfClose 'close': the upstream's FIN ends a session on a lease with a rule, though the client would go on", async () => {
  const peers = new Arrivals<Peer>()
  const { target } = await upstream((peer) => peers.push(peer))
  const connector = new ToyConnector(target)
  const { inner, peer } = await clientPair()
  onTestFinished(() => void peer.socket.destroy())
  const result = relay(inner, await connector.connect(), { halfClose: 'close' })
  ;(await peers.at(0)).end('goodbye\n')
  expect(await peer.received).toMatchObject({ hash: sha256('goodbye\n'), ending: 'fin' })
  expect(await result).toMatchObject({ reason: 'upstream-end' })
  expect(connector.endings).toEqual(['discarded'])
})
