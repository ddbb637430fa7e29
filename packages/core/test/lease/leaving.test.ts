import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { RawConnection } from '../../src/raw-connection.js'
import { copyPolicy } from '../../src/relay.js'
import { Session } from '../../src/session.js'
import type { Peer } from '../support/peer.js'
import { upstream } from '../support/upstream.js'
import { Arrivals, ToyConnector } from './toy.js'

test('a client that leaves a connection unused needs no other, when that one ends before the client is gone', async () => {
  const peers = new Arrivals<Peer>()
  const { target } = await upstream((peer) => peers.push(peer))
  const connector = new ToyConnector(target, { origin: 'prewarmed', retryStale: 'before-first-byte' })
  let finish = (): void => {}
  const client = new Duplex({
    allowHalfOpen: true,
    read() {},
    write: (_chunk, _encoding, done) => done(),
    // The FIN to the client takes its time.
    final(done) {
      finish = done
    },
  })
  const info = { id: 'one', client: { path: '' }, listen: { path: '' }, startedAt: 0 }
  const session = new Session(info, RawConnection.of(client), connector, copyPolicy({}), [])
  const served = await peers.at(0)
  client.push(null)
  while (!client.writableEnded) await nextTurn()
  served.end()
  const [connection] = connector.connections
  while (!connection?.ended) await nextTurn()
  await nextTurn()
  finish()
  expect(await session.done).toMatchObject({ reason: 'client-end' })
  expect(connector.connects).toEqual(['any'])
  expect(await connector.ended(1)).toEqual(['ended'])
})
