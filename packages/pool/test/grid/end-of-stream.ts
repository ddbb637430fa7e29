import { readSync } from 'node:fs'
import type { Socket } from 'node:net'
import { endedByFin, type Ports } from '../../../conformance/src/kernel.js'

const ROOM = Buffer.alloc(1)

/**
 * What a stream that Node says has ended was ended by. Node 20 and 22 show data and a reset in one poll as data and an end. The kernel
 * knows: one more read of the descriptor is 0 behind a FIN, and fails behind a reset, of a TCP socket as of a unix one. An empty
 * write does not tell: to a unix peer that has closed it fails as well.
 */
export async function endOf(socket: Socket, tcp: Socket, ports: Ports): Promise<string> {
  // Behind the end of a TLS stream there is more to read. Of a connection that was reset nothing is left in the tables.
  if (socket !== tcp) return (await endedByFin(ports)) ? 'fin' : 'reset'
  const { fd } = Reflect.get(socket, '_handle') as { readonly fd: number }
  try {
    return readSync(fd, ROOM) === 0 ? 'fin' : 'an end before the last byte'
  } catch (error) {
    return nameOfError(error as Error)
  }
}

export function nameOfError(error: Error): string {
  const code = 'code' in error ? String(error.code) : error.message
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : code
}
