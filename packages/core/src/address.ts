import { isIPv4, isIPv6, type Socket } from 'node:net'
import { inspect } from 'node:util'

/** A TCP address, or the path of a unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** An {@link Address}, a port on 127.0.0.1, or text: `8848`, `host:8848`, `[::1]:8848`, `tcp://host:8848`, `unix:/path`. */
export type AddressLike = Address | string | number

const ACCEPTED = "a port (8848), 'host:8848', '[::1]:8848', 'tcp://host:8848' or 'unix:/path'"

// sockaddr_un holds 108 bytes on Linux, 104 on macOS and the BSDs, a closing zero included. Node cuts a longer path silently.
export const MAX_PATH_BYTES: number = process.platform === 'linux' ? 107 : 103

/**
 * Reads an address; a bare port is on 127.0.0.1.
 *
 * **Fails** with a `TypeError` for what is no address, a `RangeError` for a port that does not exist or a unix path that is too
 * long; both name the value and what is accepted.
 */
export function parseAddress(value: AddressLike): Address {
  if (typeof value === 'number') return { host: '127.0.0.1', port: portOf(value, value) }
  if (typeof value === 'string') return parseText(value)
  if (typeof value === 'object' && value !== null) {
    if ('path' in value && typeof value.path === 'string') return { path: pathOf(value.path, value.path) }
    if ('port' in value && typeof value.host === 'string' && value.host !== '') {
      return { host: value.host, port: portOf(value.port, value) }
    }
  }
  throw new TypeError(`expected an address: ${ACCEPTED}, got ${inspect(value)}`)
}

/** The text that {@link parseAddress} reads back. */
export function formatAddress(address: Address): string {
  if ('path' in address) return `unix:${address.path}`
  return isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** The address of a socket's own end, or of its peer's; a unix peer has none, and gets an empty path. */
export function socketAddress(socket: Socket, end: 'local' | 'remote'): Address {
  const host = end === 'local' ? socket.localAddress : socket.remoteAddress
  const port = end === 'local' ? socket.localPort : socket.remotePort
  return host === undefined || port === undefined ? { path: '' } : { host: unmapped(host), port }
}

/** The address of a client; one that was gone before it could be asked has none, and gets `0.0.0.0:0` or `[::]:0`. */
export function clientAddress(socket: Socket, listen: Address): Address {
  const address = socketAddress(socket, 'remote')
  if ('host' in address || 'path' in listen) return address
  return { host: isIPv6(listen.host) ? '::' : '0.0.0.0', port: 0 }
}

// Who listens on [::] sees an IPv4 client as one in IPv6.
function unmapped(host: string): string {
  const rest = host.startsWith('::ffff:') ? host.slice('::ffff:'.length) : ''
  return isIPv4(rest) ? rest : host
}

function parseText(text: string): Address {
  if (text.startsWith('unix:')) return { path: pathOf(text.slice('unix:'.length), text) }
  const rest = text.startsWith('tcp://') ? text.slice('tcp://'.length) : text
  if (/^\d+$/.test(rest)) return { host: '127.0.0.1', port: portOf(Number(rest), text) }
  const match = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d+)$/.exec(rest)
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(host))) {
    throw new TypeError(`expected an address: ${ACCEPTED}, got ${inspect(text)}`)
  }
  return { host, port: portOf(Number(match?.[3]), text) }
}

function portOf(port: unknown, value: unknown): number {
  if (Number.isInteger(port) && (port as number) >= 0 && (port as number) <= 65_535) return port as number
  throw new RangeError(`expected a port from 0 to 65535, got ${inspect(value)}`)
}

function pathOf(path: string, value: string): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > 0 && bytes <= MAX_PATH_BYTES) return path
  throw new RangeError(
    `expected a unix path of 1 to ${MAX_PATH_BYTES} bytes, got ${bytes} bytes: ${inspect(value)}`,
  )
}
