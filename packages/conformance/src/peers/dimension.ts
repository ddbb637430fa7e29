import type { Transport } from '../address.js'
import type { HalfClose } from '../setting.js'

/** One way of running a relay: what is on its sides, and what the end of one side means to it. */
export interface Dimension {
  readonly client: Exclude<Transport, 'tls'>
  readonly server: Transport
  readonly halfClose: HalfClose
}

/** The one that the large table shows. */
export const tcpForward: Dimension = { client: 'tcp', server: 'tcp', halfClose: 'forward' }

const SIDES = [
  ['tcp', 'tcp'],
  ['unix', 'tcp'],
  ['tcp', 'unix'],
  ['unix', 'unix'],
  ['tcp', 'tls'],
] as const

/** All others. */
export const otherDimensions: readonly Dimension[] = (['forward', 'close'] as const)
  .flatMap((halfClose) => SIDES.map(([client, server]) => ({ client, server, halfClose })))
  .filter(
    ({ client, server, halfClose }) =>
      nameOfDimension({ client, server, halfClose }) !== nameOfDimension(tcpForward),
  )

export function nameOfDimension({ client, server, halfClose }: Dimension): string {
  const names = { tcp: 'TCP', unix: 'unix', tls: 'TLS' }
  return `${names[client]} → ${names[server]}, ${halfClose}`
}
