import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

interface Handled {
  readonly _handle?: { readonly reset?: unknown } | null
}

interface Layered {
  readonly _parent?: unknown
}

/**
 * The TCP socket that carries a stream: the stream itself, or the one under TLS. `undefined` for a unix socket, any other stream, and a
 * socket that is gone: they know no reset, and the kernel's tables do not list them.
 *
 * `net.Socket` is the class of TCP sockets, unix sockets and TLS sockets alike, and has no public way to tell them apart that outlives
 * a reset. `_handle` and the TLS socket's `_parent` are not public and have not changed from Node 20 to 26; a TLS socket that Node
 * connected by itself has no such parent.
 */
export function tcpUnder(stream: Duplex): Socket | undefined {
  const socket = stream instanceof TLSSocket ? (stream as Layered)._parent : stream
  if (!(socket instanceof Socket) || socket instanceof TLSSocket) return undefined
  return typeof (socket as Handled)._handle?.reset === 'function' ? socket : undefined
}
