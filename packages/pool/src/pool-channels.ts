import { type Channel, channel } from 'node:diagnostics_channel'
import type { LeaseOrigin } from '@relay/core'

/** What is published on `relay:pool:dial`: a connection was opened. */
export interface PoolDialMessage {
  readonly dialMs: number
}

/** What is published on `relay:pool:borrow`: a connection was lent. */
export interface PoolBorrowMessage {
  readonly origin: LeaseOrigin
  readonly waitMs: number
}

/** What is published on `relay:pool:close`: a connection left the pool. */
export interface PoolCloseMessage {
  readonly reason: string
  readonly ageMs: number
}

/**
 * Why no connection is opened ahead though it was asked for: the upstream serves nobody else while connections are idle, it is an SSH
 * server, or too many in a row were opened in vain.
 */
export type PrewarmHeldBack = 'no-room' | 'ssh' | 'unused'

/** What is published on `relay:pool:prewarm`: connections are no longer opened ahead, or are again. */
export interface PoolPrewarmMessage {
  readonly heldBack: PrewarmHeldBack | undefined
}

/** The diagnostics channels of connection pools. */
export const poolChannels: {
  readonly dial: Channel
  readonly borrow: Channel
  readonly close: Channel
  readonly prewarm: Channel
} = {
  dial: channel('relay:pool:dial'),
  borrow: channel('relay:pool:borrow'),
  close: channel('relay:pool:close'),
  prewarm: channel('relay:pool:prewarm'),
}
