import type { Address, Transport } from '../address.js'
import type { HalfClose } from '../setting.js'

/** A relay that can be started here. */
export interface PeerProgram {
  readonly id: string
  /** A column of the tables. */
  readonly name: string
  /** The program that must be there. */
  readonly command: string
  /** What says its version, if it is not ours. */
  readonly version?: { readonly args: readonly string[]; readonly pattern: RegExp }
  /** What the end of one side can mean to it. */
  readonly halfClose: readonly HalfClose[]
  /** The upstreams that it can connect to. */
  readonly servers: readonly Transport[]
  start(plan: StartPlan): PeerStart
}

interface StartPlan {
  readonly listen: Address
  readonly upstream: Address
  readonly halfClose: HalfClose
  /** Configuration files are written to it before the start. */
  readonly folder: string
  /** The upstream's certificate, if it speaks TLS. */
  readonly certificateFile: string
}

interface PeerStart {
  readonly args: readonly string[]
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}
