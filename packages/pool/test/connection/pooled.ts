import type { Duplex } from 'node:stream'
import { createRelayServer, type RelayResult, type RelayServer, type RelayServerOptions } from '@relay/core'
import { onTestFinished } from 'vitest'
import { Arrivals, ToyProof } from '../../../core/test/lease/toy.js'
import { certificate } from '../../../core/test/support/certificate.js'
import type { Peer } from '../../../core/test/support/peer.js'
import { type Upstream, upstream } from '../../../core/test/support/upstream.js'
import { type ConnectionPool, type ConnectionPoolOptions, connectionPool } from '../../src/index.js'

/** A rule of lines; see {@link ToyProof}. */
export const lines = { name: 'toy', open: () => new ToyProof() }

/** The same, which brings a connection back that was `set`. */
export const resettable = { ...lines, reset: { send: Buffer.from('reset\n'), timeoutMs: 10_000 } }

export type Kind = 'tcp' | 'tls'

export interface Pooled {
  readonly pool: ConnectionPool
  readonly server: Upstream
  /** The upstream's end of the nth connection, as soon as it is accepted. */
  peer(index: number): Promise<Peer>
}

let keys: ReturnType<typeof certificate> | undefined

/** A pool in front of an upstream that the test plays itself. */
export async function pooled(
  options: Omit<ConnectionPoolOptions, 'dial'> = {},
  onPeer: (peer: Peer) => void = () => {},
  kind: Kind = 'tcp',
): Promise<Pooled> {
  const peers = new Arrivals<Peer>()
  if (kind === 'tls') keys ??= certificate()
  const server = await upstream(
    (peer) => {
      peers.push(peer)
      onPeer(peer)
    },
    kind === 'tls' ? keys : undefined,
  )
  const tls = kind === 'tls' && { ca: keys?.cert }
  const pool = connectionPool({ dial: { ...server.target, tls }, ...options })
  onTestFinished(() => pool.close({ graceMs: 0 }))
  return { pool, server, peer: (index) => peers.at(index) }
}

export interface Relayed {
  readonly server: RelayServer
  readonly address: NonNullable<RelayServer['address']>
  /** How the nth session to end did so. */
  result(index: number): Promise<RelayResult>
}

/** A relay that gets its upstream connections from a pool. */
export async function relayed(
  pool: ConnectionPool,
  options: Omit<RelayServerOptions, 'upstream' | 'onClose'> = {},
): Promise<Relayed> {
  const results = new Arrivals<RelayResult>()
  const server = createRelayServer({
    ...options,
    upstream: pool,
    onClose: (_info, result) => results.push(result),
  })
  onTestFinished(() => server.close({ graceMs: 0 }))
  return { server, address: await server.listen('127.0.0.1:0'), result: (index) => results.at(index) }
}

/** Calls for every listener of a socket, so that two moments can be compared. */
export function listenerCounts(socket: Duplex): Record<string, number> {
  return Object.fromEntries(
    socket.eventNames().map((event) => [String(event), socket.listenerCount(event)] as const),
  )
}
