import type { Socket } from 'node:net'

interface Handled {
  readonly _handle?: { getpeername?(address: object): number } | null
}

/**
 * Whether the kernel still knows whom a connected TCP socket is connected to: after a reset it does not, whatever was read before
 * it. `undefined` where that can't be asked.
 *
 * Node has no public way to ask: `remoteAddress` remembers its first answer. `_handle` is not public and has not changed from Node 20 to
 * 26; that a reset socket has no peer name (`ENOTCONN`) is so on Linux.
 */
export function hasPeer(socket: Socket): boolean | undefined {
  const handle = (socket as Handled)._handle
  if (process.platform !== 'linux' || typeof handle?.getpeername !== 'function') return undefined
  return handle.getpeername({}) === 0
}
