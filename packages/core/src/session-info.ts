import type { Address } from './address.js'

/** Who came, and where. */
export interface SessionInfo {
  /** Unique among the sessions of all relays, for logs. */
  readonly id: string
  readonly client: Address
  /** The address the client came to. */
  readonly listen: Address
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}
