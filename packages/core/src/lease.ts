import type { Duplex } from 'node:stream'
import type { GuardedSocket } from './guarded-socket.js'
import type { ReuseProof } from './reuse-proof.js'
import type { SessionInfo } from './session-info.js'

/** Where a leased connection comes from. */
export type LeaseOrigin = 'dialed' | 'prewarmed' | 'reused'

/**
 * An upstream connection, lent to one session. What becomes of it afterwards is for the connector that lent it to decide.
 *
 * Disposing of a lease discards it, unless it was released: `using` can't see whether its block threw.
 */
export interface Lease {
  readonly socket: GuardedSocket
  readonly origin: LeaseOrigin
  /** What knows whether the connection can serve another session; absent when it never can. */
  readonly proof?: ReuseProof | undefined
  /** The session is over: interrupts the socket, and gives the connection back if it is good. Later calls do nothing. */
  release(): Promise<void>
  /** The connection must not be used again: destroys it. Later calls do nothing. */
  discard(error?: unknown): void
  /** Takes the connection out of its connector's hands: the caller owns it, and ends it. */
  detach(): Duplex
  [Symbol.dispose](): void
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
