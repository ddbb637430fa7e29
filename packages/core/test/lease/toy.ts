import { onTestFinished } from 'vitest'
import type { RelayResult } from '../../src/close-reason.js'
import { ConnectionLease, type ConnectionLeaseOptions, type Lender } from '../../src/connection-lease.js'
import { dial } from '../../src/dial.js'
import type { InterruptResult } from '../../src/guarded-socket.js'
import type { ConnectContext, Connector, LeaseOrigin } from '../../src/lease.js'
import type { RawConnection } from '../../src/raw-connection.js'
import type { RelayOptions } from '../../src/relay.js'
import type { ProofState, ReuseProof } from '../../src/reuse-proof.js'
import { createRelayServer, type RelayServer } from '../../src/server.js'
import type { Peer } from '../support/peer.js'
import { THROUGH } from '../support/through.js'
import { upstream } from '../support/upstream.js'

const NEWLINE = 10

/** One line is a request, and has one line for its answer. `set` leaves state behind, `taint` can't be proven. */
export class ToyProof implements ReuseProof {
  #line = ''
  #outstanding = 0
  #halfAnswer = false
  #left: 'idle' | 'dirty' | 'tainted' = 'idle'
  readonly #taintedByForeign: boolean

  constructor(taintedByForeign = true) {
    this.#taintedByForeign = taintedByForeign
  }

  get state(): ProofState {
    if (this.#left === 'tainted') return 'tainted'
    if (this.#line !== '') return 'partial'
    return this.#outstanding > 0 || this.#halfAnswer ? 'busy' : this.#left
  }

  up(chunk: Buffer): void {
    const lines = (this.#line + chunk.toString('latin1')).split('\n')
    this.#line = lines.pop() as string
    this.#outstanding += lines.length
    if (lines.includes('set')) this.#left = 'dirty'
    if (lines.includes('taint')) this.#left = 'tainted'
  }

  down(chunk: Buffer): boolean {
    for (let start = 0; start < chunk.length; ) {
      if (this.#outstanding === 0) {
        if (this.#taintedByForeign) this.#left = 'tainted'
        return false
      }
      const end = chunk.indexOf(NEWLINE, start)
      this.#halfAnswer = end < 0
      if (end < 0) return true
      this.#outstanding--
      start = end + 1
    }
    return true
  }
}

/** What became of one lease. */
export type Ending = 'reusable' | Exclude<InterruptResult['why'], 'reusable'> | 'discarded' | 'detached'

export interface ToyConnectorOptions extends Partial<Omit<ConnectionLeaseOptions, 'proof' | 'origin'>> {
  /** No proof at all: `null`. */
  readonly proof?: (() => ReuseProof) | null
  /** What a connection that was just dialed is passed off as, unless a fresh one was asked for. */
  readonly origin?: LeaseOrigin
}

/** Lends the connection that came back last, or a new one, and keeps a record of it. */
export class ToyConnector implements Connector, Lender {
  readonly connects: ('fresh' | 'any')[] = []
  readonly endings: Ending[] = []
  readonly connections = new Set<RawConnection>()
  readonly #target: { readonly host: string; readonly port: number }
  readonly #options: ToyConnectorOptions
  readonly #idle: ConnectionLease[] = []
  #onEnding = (): void => {}

  constructor(target: { readonly host: string; readonly port: number }, options: ToyConnectorOptions = {}) {
    this.#target = target
    this.#options = options
    onTestFinished(() => {
      for (const connection of this.connections) connection.destroy()
    })
  }

  async connect({ fresh = false }: Partial<ConnectContext> = {}): Promise<ConnectionLease> {
    this.connects.push(fresh ? 'fresh' : 'any')
    const { proof = () => new ToyProof(), origin = 'dialed', ...options } = this.#options
    const last = fresh ? undefined : this.#idle.pop()
    if (last !== undefined) {
      return new ConnectionLease(last.connection, this, { ...options, proof: last.proof, origin: 'reused' })
    }
    const connection = await dial(
      { address: this.#target, connectTimeoutMs: 5_000 },
      new AbortController().signal,
    )
    this.connections.add(connection)
    return new ConnectionLease(connection, this, {
      ...options,
      proof: proof?.(),
      origin: fresh ? 'dialed' : origin,
    })
  }

  returned(lease: ConnectionLease, { reusable, why }: InterruptResult): void {
    if (reusable) this.#idle.push(lease)
    else lease.connection.destroy()
    this.#ended(why)
  }

  discarded(): void {
    this.#ended('discarded')
  }

  detached(): void {
    this.#ended('detached')
  }

  /** Resolves with what became of the leases, when that many have ended. */
  async ended(count: number): Promise<readonly Ending[]> {
    while (this.endings.length < count) await new Promise<void>((resolve) => (this.#onEnding = resolve))
    return this.endings
  }

  async close(): Promise<void> {}

  stats(): object {
    return {}
  }

  #ended(ending: Ending): void {
    this.endings.push(ending)
    this.#onEnding()
  }
}

export interface House {
  readonly connector: ToyConnector
  readonly server: RelayServer
  readonly address: NonNullable<RelayServer['address']>
  /** The upstream's end of the nth connection, as soon as it is accepted. */
  peer(index: number): Promise<Peer>
  /** How the nth session to end did so. */
  result(index: number): Promise<RelayResult>
}

/** A relay in front of an upstream which the test plays itself. */
export async function house(
  lease: ToyConnectorOptions = {},
  relayOptions: Omit<RelayOptions, 'signal'> = {},
): Promise<House> {
  const peers = new Arrivals<Peer>()
  const results = new Arrivals<RelayResult>()
  const { target } = await upstream((peer) => peers.push(peer))
  const connector = new ToyConnector(target, lease)
  const onClose = (_info: unknown, result: RelayResult): void => results.push(result)
  const server = createRelayServer({
    stages: THROUGH[process.env.RELAY_STAGES ?? 'no stage'] ?? [],
    ...relayOptions,
    upstream: connector,
    onClose,
  })
  onTestFinished(() => server.close({ graceMs: 0 }))
  const address = await server.listen('127.0.0.1:0')
  return {
    connector,
    server,
    address,
    peer: (index) => peers.at(index),
    result: (index) => results.at(index),
  }
}

/** A list that can be waited for. */
export class Arrivals<T> {
  readonly #items: T[] = []
  #waiting: (() => void)[] = []

  push(item: T): void {
    this.#items.push(item)
    for (const look of this.#waiting.splice(0)) look()
  }

  async at(index: number): Promise<T> {
    while (this.#items.length <= index) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#items[index] as T
  }
}
