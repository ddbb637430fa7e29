import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { hasPeer } from './has-peer.js'

interface Handled {
  readonly _handle?: { readStart?(): number } | null
}

const NOTHING = Buffer.alloc(0)

/**
 * Finds out whether what Node shows as the end of a stream was the peer's FIN, and calls `onFin` if it was; after a reset the socket
 * is destroyed with an error instead.
 *
 * Node 20 and 22 show data and a reset in one poll as data and an end, and so does every version for a unix socket. Behind our own FIN
 * nobody can tell, and it counts as a FIN.
 *
 * @param tcp - The TCP socket that carries it. Over TLS that one is asked: no record is sent, and where the reset met the handshake a
 * write to TLS would never end.
 */
export function askForEnd(socket: Duplex, tcp: Socket | undefined, onFin: () => void): void {
  if (socket.writableEnded || socket.destroyed) return onFin()
  if (tcp === undefined) return askByRead(socket, onFin)
  const peer = hasPeer(tcp)
  if (peer === true) return onFin()
  if (peer === false) return tcp === socket ? askByRead(socket, onFin) : void socket.destroy(resetError())
  // Where the kernel cannot be asked, the truth is one empty write away: it fails after a reset. Behind a pending write its failure comes
  // in this very turn of the loop.
  if (socket.writableLength > 0) setImmediate(() => socket.destroyed || onFin())
  else tcp.write(NOTHING, (error) => (error ? socket.destroy(error) : onFin()))
}

// One more read finds the reset that is still in the kernel: of a unix peer that closed with unread bytes, for which an empty write would
// fail after a clean close, too; and of a TCP peer, unless its FIN had come before it, behind which Linux goes on to tell the end.
function askByRead(socket: Duplex, onFin: () => void): void {
  const handle = (socket as Handled)._handle
  if (typeof handle?.readStart !== 'function' || handle.readStart() !== 0) return onFin()
  // An immediate that is set while the loop polls runs before it polls again: the second one is behind the read.
  setImmediate(() => setImmediate(() => socket.errored || onFin()))
}

function resetError(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
}
