import type { OnReadOpts, Socket, SocketConstructorOpts } from 'node:net'
import { RawConnection } from './raw-connection.js'
import { ReadBuffer } from './read-buffer.js'
import { RelaySocket } from './relay-socket.js'
import { SOCKET_SETTINGS } from './socket-settings.js'

interface Handle {
  readonly useUserBuffer?: unknown
}

interface Handled {
  _handle?: Handle | null
}

// One for all, and without a prototype: see `dial()`.
const options: SocketConstructorOpts & { handle?: Handle | undefined; onread?: OnReadOpts | undefined } =
  Object.assign(Object.create(null), {
    allowHalfOpen: SOCKET_SETTINGS.allowHalfOpen,
    highWaterMark: SOCKET_SETTINGS.highWaterMark,
    manualStart: true,
  })

/**
 * The connection of a socket that was accepted just now, and that nobody has used; it reads into a {@link ReadBuffer}, like those that
 * we dial.
 *
 * Node takes `onread` for the sockets that it dials, and has no public way for those that it accepts. So the handle of the accepted one
 * is given to a second socket, made with it, by two names that are not public and have not changed from Node 20 to 26: `_handle`, and
 * the option `handle`. Where they are not what they were, the accepted socket is used as it is: all the same, but for uploads at
 * twice the CPU.
 */
export function acceptedConnection(accepted: Socket): RawConnection {
  const handled = accepted as Handled
  const handle = handled._handle
  if (typeof handle?.useUserBuffer !== 'function') return RawConnection.of(accepted)
  const readBuffer = new ReadBuffer()
  options.handle = handle
  options.onread = readBuffer.onread
  const socket = new RelaySocket(options)
  // Node has made a copy; nobody is kept here.
  options.handle = undefined
  options.onread = undefined
  if ((socket as Handled)._handle !== handle) return RawConnection.of(accepted)
  handled._handle = null
  // An empty shell: the server, which counts it, must not wait for it.
  accepted.destroy()
  return new RawConnection(socket, { readBuffer })
}
