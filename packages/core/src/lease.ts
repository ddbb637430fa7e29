import type { Duplex } from 'node:stream'
import type { SessionInfo } from './session-info.js'

/** Where a leased connection comes from. */
export type LeaseOrigin = 'dialed' | 'prewarmed' | 'reused'

/** An upstream connection, lent to one session. The connector that lent it decides what becomes of it afterwards. */
export interface Lease {
  readonly socket: Duplex
  readonly origin: LeaseOrigin
  /** The session is over and the connection may be good. */
  release(): Promise<void>
  /** The connection must not be used again. */
  discard(error?: unknown): void
  /** Takes the connection out of its connector's hands: the caller owns it now. */
  detach(): Duplex
}

/** For whom a connection is wanted, and for how long it is still wanted. */
export interface ConnectContext {
  readonly signal: AbortSignal
  readonly client: SessionInfo
  /** Never a connection that was open before. */
  readonly fresh?: boolean
}

/** Where sessions get their upstream connection: a dialer, a pool, or one of your own. */
export interface Connector {
  /** **Fails** with a `RelayError` (`ERR_RELAY_CONNECT`, `ERR_RELAY_CONNECT_TIMEOUT`), or with the signal's reason. */
  connect(context: ConnectContext): Promise<Lease>
  close(): Promise<void>
  stats(): object
}
