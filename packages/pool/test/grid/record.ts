import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Duplex } from 'node:stream'
import type { Connector, Lease, RelayResult, SessionInfo } from '@relay/core'
import { ConnectionLease } from '@relay/core/connector'
import { listenerCounts } from '../connection/pooled.js'

/** A lease as the relay had it. */
export interface LeaseRecord {
  readonly origin: Lease['origin']
  /** The relay's socket. */
  readonly socket: Duplex
  /** Its port, if it has one. */
  readonly port: number | undefined
  /** Each call that ends the lease; there must be one. */
  readonly endings: ('release' | 'discard' | 'detach')[]
  /** Listeners of the connection when it was lent, and when it had been given back. */
  readonly listenersBefore: Readonly<Record<string, number>>
  listenersAfter?: Readonly<Record<string, number>>
  readonly signal: AbortSignal
}

interface Closed {
  readonly id: string
  readonly result: RelayResult
}

/** All that a relay says of its sessions, in each of the ways that it says it. */
export class SessionRecord {
  readonly opened: string[] = []
  readonly closed: Closed[] = []
  readonly openCallbacks: string[] = []
  readonly closeCallbacks: Closed[] = []
  readonly leases: LeaseRecord[] = []
  /** How often a connection was asked for, and how often one has left its pool. */
  asked = 0
  poolClosed = 0
  /** Called with whatever is new. */
  onChange: () => void = () => {}
  /** Called with each lease before it is lent. */
  onLease: (lease: LeaseRecord) => void = () => {}
  readonly #onOpen = (message: unknown): void => {
    this.opened.push((message as { info: SessionInfo }).info.id)
    this.onChange()
  }
  readonly #onClose = (message: unknown): void => {
    const { info, result } = message as { info: SessionInfo; result: RelayResult }
    this.closed.push({ id: info.id, result })
    this.onChange()
  }

  readonly #onPoolClose = (): void => {
    this.poolClosed++
    this.onChange()
  }

  start(): void {
    subscribe('relay:pool:close', this.#onPoolClose)
    subscribe('relay:session:open', this.#onOpen)
    subscribe('relay:session:close', this.#onClose)
  }

  stop(): void {
    unsubscribe('relay:pool:close', this.#onPoolClose)
    unsubscribe('relay:session:open', this.#onOpen)
    unsubscribe('relay:session:close', this.#onClose)
  }

  /** The same connector, with a note taken of each of its leases. */
  watch(connector: Connector, gate: (signal: AbortSignal) => Promise<void>): Connector {
    return {
      connect: async (context) => {
        this.asked++
        this.onChange()
        await gate(context.signal)
        const lease = await connector.connect(context)
        this.#note(lease, context.signal)
        return lease
      },
      close: () => connector.close(),
      stats: () => connector.stats(),
    }
  }

  #note(lease: Lease, signal: AbortSignal): void {
    if (!(lease instanceof ConnectionLease)) throw new Error('a lease of a strange kind')
    const { socket, tcp } = lease.connection
    const record: LeaseRecord = {
      origin: lease.origin,
      socket,
      port: tcp?.localPort,
      endings: [],
      listenersBefore: listenerCounts(socket),
      signal,
    }
    const { release, discard, detach } = lease
    lease.release = async () => {
      record.endings.push('release')
      await release.call(lease)
      record.listenersAfter = listenerCounts(socket)
    }
    lease.discard = (error) => {
      record.endings.push('discard')
      discard.call(lease, error)
    }
    lease.detach = () => {
      record.endings.push('detach')
      return detach.call(lease)
    }
    this.leases.push(record)
    this.onLease(record)
    this.onChange()
  }
}

const CHANNELS = ['relay:session:open', 'relay:session:close', 'relay:pool:close']

/** Whether nobody listens to a relay. */
export function channelsAreFree(): boolean {
  return CHANNELS.every((name) => !channel(name).hasSubscribers)
}
