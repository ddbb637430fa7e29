import type { Socket } from 'node:net'

/** How much the kernel held for each TCP socket when it was asked. */
export interface SendQueueTable {
  /** Bytes; 0 for a socket that has none waiting, or is not listed. */
  bytesOf(socket: Socket): number
}

/** Both ends of a connected socket, as a table writes them; `undefined` when it is connected no more. */
export function endsOf(socket: Socket, write: (address: string, port: number) => string): string | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (!localAddress || !remoteAddress || localPort === undefined || remotePort === undefined) return undefined
  return `${write(localAddress, localPort)} ${write(remoteAddress, remotePort)}`
}
