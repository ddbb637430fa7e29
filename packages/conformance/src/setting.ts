import type { Transport } from './address.js'
import type { Side } from './case.js'
import type { Deadlines } from './deadlines.js'

/** What the end of one side means to the relay: it hands it on and lets the other side finish, or it ends both. */
export type HalfClose = 'forward' | 'close'

/** How the relay under test is run: which claims it can be held to. */
export interface Setting {
  readonly halfClose: HalfClose
  readonly transports: Readonly<Record<Side, Transport>>
  readonly deadlines: Deadlines
  /** Sessions of the largest crowd. */
  readonly sessions: number
  /** The process of the relay, if it may be stopped in the end. */
  readonly pid?: number | undefined
}
