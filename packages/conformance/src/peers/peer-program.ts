import type { Address } from '../address.js'

/** A relay that can be started here. */
export interface PeerProgram {
  readonly id: string
  /** A column of the table. */
  readonly name: string
  /** The program that must be there. */
  readonly command: string
  /** What says its version, if it is not ours. */
  readonly version?: { readonly args: readonly string[]; readonly pattern: RegExp }
  /** How it is started; a configuration file is written to `folder` first. */
  start(listen: Address, upstream: Address, folder: string): PeerStart
}

interface PeerStart {
  readonly args: readonly string[]
  readonly files?: Readonly<Record<string, string>>
}
