import { type Channel, channel } from 'node:diagnostics_channel'
import type { RelayResult } from './close-reason.js'
import type { SessionInfo } from './session-info.js'

/** What is published on `relay:session:open`. */
export interface SessionOpenMessage {
  readonly info: SessionInfo
}

/** What is published on `relay:session:close`. */
export interface SessionCloseMessage {
  readonly info: SessionInfo
  readonly result: RelayResult
}

/** The diagnostics channels of a server, for those who watch without being asked. */
export const sessionChannels: { readonly open: Channel; readonly close: Channel } = {
  open: channel('relay:session:open'),
  close: channel('relay:session:close'),
}
