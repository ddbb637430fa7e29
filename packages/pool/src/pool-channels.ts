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

/** The diagnostics channels of connection pools. */
export const poolChannels: { readonly dial: Channel; readonly borrow: Channel; readonly close: Channel } = {
  dial: channel('relay:pool:dial'),
  borrow: channel('relay:pool:borrow'),
  close: channel('relay:pool:close'),
}
