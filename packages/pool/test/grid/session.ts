import { once } from 'node:events'
import { connect } from 'node:net'
import type { Address } from '@relay/core'
import { Condition } from './deadline.js'
import type { DialOrder } from './dial-order.js'
import { GridPeer } from './peer.js'
import type { Conversation } from './plan.js'
import type { RelayRig } from './relay-rig.js'
import { type EndsFirst, playClient, playUpstream } from './script.js'
import type { UpstreamRig } from './upstream-rig.js'

/** One session through the relay, with both of its ends. */
export class GridSession {
  readonly conversation: Conversation
  readonly condition = new Condition()
  client: GridPeer | undefined
  /** The upstream's end of the connection that serves it now. */
  upstream: GridPeer | undefined
  readonly #relay: RelayRig
  readonly #dials: DialOrder
  readonly #endsFirst: EndsFirst
  readonly #chunkBytes: number
  readonly #nth: number
  readonly #leasesBefore: number
  readonly #askedBefore: number
  /** Called with an upstream end before it hears the first byte. */
  onUpstream: (upstream: GridPeer) => void = () => {}

  constructor(
    relay: RelayRig,
    upstream: UpstreamRig,
    conversation: Conversation,
    options: { readonly endsFirst: EndsFirst; readonly chunkBytes: number },
  ) {
    this.conversation = conversation
    this.#relay = relay
    this.#dials = upstream.dials
    this.#endsFirst = options.endsFirst
    this.#chunkBytes = options.chunkBytes
    this.#nth = relay.record.closed.length
    this.#leasesBefore = relay.record.leases.length
    this.#askedBefore = relay.record.asked
    relay.record.onChange = this.condition.changed
    relay.record.onLease = (lease) => upstream.whenAccepted(lease, (peer) => this.serve(peer))
  }

  async connect(hold: number): Promise<GridPeer> {
    const socket = this.#dials.except(() =>
      connect({ ...(this.#relay.server.address as Address), allowHalfOpen: true }),
    )
    await once(socket, 'connect')
    const client = new GridPeer(socket)
    client.hold(hold)
    playClient(client, this.conversation, this.#chunkBytes, this.#endsFirst, this.condition.changed)
    this.client = client
    return client
  }

  /** That end speaks for the upstream from now on. */
  serve(peer: GridPeer): void {
    if (this.upstream === peer) return
    this.upstream = peer
    playUpstream(peer, this.conversation, this.#chunkBytes, this.#endsFirst, this.condition.changed)
    this.onUpstream(peer)
    this.condition.changed()
  }

  /** Bytes that the relay has handed on, in a session that is alive. */
  relayed(direction: 'up' | 'down'): number {
    return this.#relay.server.sessions()[0]?.[direction].bytes ?? 0
  }

  get asked(): boolean {
    return this.#relay.record.asked > this.#askedBefore
  }

  /** Its leases, one unless the first was stale. */
  get leases(): RelayRig['record']['leases'] {
    return this.#relay.record.leases.slice(this.#leasesBefore)
  }

  get closed(): RelayRig['record']['closed'][number] | undefined {
    return this.#relay.record.closed[this.#nth]
  }

  /** Whether its connection is the pool's again. */
  get givenBack(): boolean {
    return this.leases.at(-1)?.endings[0] === 'release'
  }

  /** Resolves when the relay is done with it, and both ends have seen how it ended. */
  async over(): Promise<void> {
    await this.condition.met(() => this.closed !== undefined)
    this.client?.wake()
    this.upstream?.wake()
    await this.client?.ended
    if (!this.givenBack) await this.upstream?.ended
  }

  /** Where it is, for a failure that says where it hangs. */
  get state(): string {
    const { client, upstream } = this
    const ends = Object.entries({ client, upstream }).map(
      ([side, peer]) =>
        `${side} ${peer ? `sent ${peer.sent}${peer.finSent ? ' and FIN' : ''}, heard ${peer.receivedBytes}, then ${peer.ending}` : 'not there'}`,
    )
    return `${this.#phase} (${ends.join('; ')})`
  }

  get poolState(): string {
    const { record, pool } = this.#relay
    return JSON.stringify({
      leases: record.leases.map(({ origin, endings }) => [origin, ...endings]),
      ...pool?.stats(),
    })
  }

  get #phase(): string {
    const { client, upstream } = this
    if (this.closed !== undefined) {
      const who = client?.ending === 'open' ? 'client' : 'upstream'
      return `the session is closed (${this.closed.result.reason}), and the ${who} has not seen its end`
    }
    if (client === undefined || this.#relay.record.opened.length <= this.#nth) return 'accepting'
    if (this.leases.length === 0) return 'connecting'
    const fins = [client, upstream].filter((peer) => peer?.finSent).length
    return fins === 0 ? 'open' : fins === 1 ? 'lingering' : 'closing'
  }
}
