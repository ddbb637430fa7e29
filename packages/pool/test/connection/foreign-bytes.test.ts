import { once } from 'node:events'
import { connect } from 'node:net'
import { createRelayServer } from '@relay/core'
import { expect, onTestFinished, test } from 'vitest'
import { ToyProof } from '../../../core/test/lease/toy.js'
import { certificate } from '../../../core/test/support/certificate.js'
import { type Peer, sha256 } from '../../../core/test/support/peer.js'
import { client, upstream } from '../../../core/test/support/upstream.js'
import { type ConnectionPoolOptions, connectionPool } from '../../src/index.js'

// The rule says of foreign bytes that they are, and goes on as if nothing had happened: it is not the one who remembers.
const rule = { name: 'toy', open: () => new ToyProof(false) }

test.each(['tcp', 'tls', 'a dial of its own'])(
  'the rest of an answer that reset one session never reaches the next (%s)',
  async (kind) => {
    const peers: Peer[] = []
    const { key, cert } = certificate()
    const { target } = await upstream((peer) => peers.push(peer), kind === 'tls' ? { key, cert } : undefined)
    const dials: Record<string, ConnectionPoolOptions['dial']> = {
      tcp: target,
      tls: { ...target, tls: { ca: cert } },
    }
    const ownDial = async (): Promise<ReturnType<typeof connect>> => {
      const socket = connect(target)
      await once(socket, 'connect')
      return socket
    }
    const pool = connectionPool({ dial: dials[kind] ?? ownDial, reuse: rule })
    const server = createRelayServer({ upstream: pool })
    onTestFinished(() => pool.close({ graceMs: 0 }))
    onTestFinished(() => server.close({ graceMs: 0 }))
    const address = await server.listen('127.0.0.1:0')

    const first = await client(address)
    first.end('ask\n')
    await expect.poll(() => peers[0]?.bytes).toBe(4)
    const served = peers[0] as Peer
    await served.write('answer\n')
    await first.received
    await expect.poll(() => pool.stats().idle).toBe(1)

    const second = await client(address)
    await second.write('mine\n')
    await served.arrived(9)
    await served.write('yours\nsomebody ')
    expect(await second.received).toMatchObject({ bytes: 0, ending: 'reset' })

    const third = await client(address)
    third.end('mine\n')
    await expect.poll(() => served.bytes + (peers[1]?.bytes ?? 0)).toBe(14)
    await served.write("else's secret\n").catch(() => {})
    if (peers.length > 1) await peers[1]?.write('yours\n')
    expect(await third.received).toMatchObject({ hash: sha256('yours\n'), ending: 'fin' })
    expect(peers).toHaveLength(2)
  },
)
