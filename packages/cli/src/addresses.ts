import { networkInterfaces } from 'node:os'
import { inspect } from 'node:util'
import { type Address, formatAddress, parseAddress } from '@relay/core'

/** Where the relay connects to; `tls` when it was written with `tls://`. */
export interface Upstream {
  readonly address: Address
  readonly tls: boolean
}

/** An address to listen on; `*` as a host is every address of the machine. **Fails** with a `TypeError` or `RangeError` that says what is accepted. */
export function parseListen(text: string): Address {
  if (text.startsWith('tls://')) {
    throw new TypeError(
      `expected a port, host:port, tcp:// or unix: (tls:// is for the upstream), got ${inspect(text)}`,
    )
  }
  return parseAddress(text.replace(/^((?:tcp:\/\/)?)\*(?=:\d)/, (_, scheme) => `${scheme}${everyAddress()}`))
}

/** An address to connect to. **Fails** as {@link parseListen} does. */
export function parseUpstream(text: string): Upstream {
  const tls = text.startsWith('tls://')
  const address = tls ? parseTls(text) : parseAddress(text)
  if ('host' in address && address.host === '*') {
    throw new TypeError(`expected a host to connect to, got ${inspect(text)}`)
  }
  if ('port' in address && address.port === 0) {
    throw new RangeError(`expected a port from 1 to 65535, got ${inspect(text)}`)
  }
  return { address, tls }
}

/** The text that {@link parseUpstream} reads back. */
export function formatUpstream({ address, tls }: Upstream): string {
  return tls ? `tls://${formatAddress(address)}` : formatAddress(address)
}

// The one that listens for IPv4, too.
function everyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flat()
  return addresses.some((address) => address?.family === 'IPv6') ? '[::]' : '0.0.0.0'
}

function parseTls(text: string): Address {
  try {
    return parseAddress(text.replace('tls:', 'tcp:'))
  } catch {
    throw new TypeError(`expected 'tls://host:8848', got ${inspect(text)}`)
  }
}
