import type { Address } from '../processes/free-port.js'

/** Between what a relay is to stand. */
export interface Route {
  readonly listen: Address
  readonly upstream: Address
  /** TLS to the upstream, with this authority's certificate and this name on it. */
  readonly tls?: { readonly authorityFile: string; readonly name: string } | undefined
}

/** A relay that can be started here. */
export interface PeerProgram {
  /** As `--peers` takes it. */
  readonly id: string
  readonly name: string
  /** Whether it is this project's. */
  readonly ours: boolean
  /** The program that must be there. */
  readonly command: string
  /** Whether it can speak TLS to the upstream. */
  readonly speaksTls: boolean
  /** What says its version. */
  readonly version: { readonly command: string; readonly args: readonly string[]; readonly pattern: RegExp }
  /** How it is started; `files` are written to `folder` first. */
  start(route: Route, folder: string): PeerStart
}

interface PeerStart {
  /** Instead of the program that must be there: what was built with it. */
  readonly command?: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}
