import type { Address } from './address.js'

/** Who came, and where. */
export interface SessionInfo {
  /** Unique among the sessions of all relays, for logs. */
  readonly id: string
  /** `0.0.0.0:0` or `[::]:0` for one that was gone before it could be asked; an empty path on a unix socket. */
  readonly client: Address
  /** The address the client came to. */
  readonly listen: Address
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}
