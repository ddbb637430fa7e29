import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished, test } from 'vitest'
import { acceptedConnection } from '../../src/accepted-connection.js'
import type { RelayResult } from '../../src/close-reason.js'
import { dial } from '../../src/dial.js'
import type { Side } from '../../src/errors.js'
import type { RawConnection } from '../../src/raw-connection.js'
import { type RelayOptions, relay } from '../../src/relay.js'
import type { Stage } from '../../src/stage.js'
import { Peer } from './peer.js'
import { THROUGH } from './through.js'

/** A relay in the middle of two peers: `near` is the one that the scenario calls the first, whichever side that is. */
interface Wire {
  readonly near: Peer
  readonly far: Peer
  readonly nearSide: Side
  readonly farSide: Side
  /** The relay's own socket, whose other end is `far`. */
  readonly toFar: Duplex
  readonly result: Promise<RelayResult>
}

interface WireOptions extends RelayOptions {
  readonly pausedNear?: boolean
  /** The client's socket as Node accepts it, as those of others are; else as the server takes it over. */
  readonly plainClient?: boolean
  readonly pausedFar?: boolean
}

type Scenario = (wire: (options?: WireOptions) => Promise<Wire>) => Promise<void>

/**
 * A scenario run with the sides swapped, because what holds for a client must hold for an upstream; and with every kind of stage that
 * lets all pass, or with those that RELAY_STAGE_KINDS names.
 */
export function symmetric(claim: string, scenario: Scenario): void {
  const kinds = process.env.RELAY_STAGE_KINDS?.split(',') ?? Object.keys(THROUGH)
  for (const kind of kinds) oneKind(claim, kind, { stages: THROUGH[kind] as readonly Stage[] }, scenario)
  oneKind(claim, 'a client accepted by others', { plainClient: true }, scenario)
}

function oneKind(claim: string, kind: string, how: WireOptions, scenario: Scenario): void {
  for (const nearSide of ['client', 'upstream'] as const) {
    test(`${claim} (first side: ${nearSide}, ${kind})`, async () => {
      const wires: Wire[] = []
      await scenario(async (options) => {
        const made = await wire(nearSide, { ...how, ...options })
        wires.push(made)
        return made
      })
      for (const { near, far, result } of wires) {
        await result
        near.socket.destroy()
        far.socket.destroy()
      }
    })
  }
}

async function wire(nearSide: Side, options: WireOptions = {}): Promise<Wire> {
  const { pausedNear = false, pausedFar = false, plainClient, ...relayOptions } = options
  const [clientPaused, upstreamPaused] =
    nearSide === 'client' ? [pausedNear, pausedFar] : [pausedFar, pausedNear]
  const client = await clientPair(clientPaused, plainClient)
  const upstream = await upstreamPair(upstreamPaused)
  const result = relay(client.inner, upstream.inner.socket, relayOptions)
  return nearSide === 'client'
    ? {
        near: client.peer,
        far: upstream.peer,
        nearSide,
        farSide: 'upstream',
        toFar: upstream.inner.socket,
        result,
      }
    : { near: upstream.peer, far: client.peer, nearSide, farSide: 'client', toFar: client.inner, result }
}

/** A socket accepted as the server accepts it, or as Node does, and the peer that connected. */
export async function clientPair(paused = false, plain = false): Promise<{ inner: Socket; peer: Peer }> {
  const [inner, outer] = await acceptOne(
    (port) => connect({ host: '127.0.0.1', port, allowHalfOpen: true }),
    {
      allowHalfOpen: true,
      highWaterMark: 16 * 1024,
      noDelay: true,
    },
  )
  const taken = plain ? inner : (acceptedConnection(inner).socket as Socket)
  return { inner: taken, peer: new Peer(outer, { paused }) }
}

/** A connection dialed as the dialer dials it, and the peer that accepted. */
export async function upstreamPair(paused = false): Promise<{ inner: RawConnection; peer: Peer }> {
  const [accepted, inner] = await acceptOne(
    (port) =>
      dial({ address: { host: '127.0.0.1', port }, connectTimeoutMs: 5_000 }, new AbortController().signal),
    { allowHalfOpen: true, pauseOnConnect: true },
  )
  const peer = new Peer(accepted, { paused })
  if (!paused) accepted.resume()
  return { inner, peer }
}

async function acceptOne<T>(open: (port: number) => T | Promise<T>, options: object): Promise<[Socket, T]> {
  const server = createServer(options)
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const opened = await open((server.address() as AddressInfo).port)
  const socket = await accepted
  await new Promise<void>((resolve) => {
    server.close()
    setImmediate(resolve)
  })
  return [socket, opened]
}
