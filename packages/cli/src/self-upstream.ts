import { lookup } from 'node:dns/promises'
import { stat } from 'node:fs/promises'
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '@relay/core'

// A name server or a file system that does not answer must not hold up the start.
const LOOK_MS = 1_000

/**
 * Whether a dial of `upstream` would be a client of who listens on `listen`, however the two are written. A relay to itself takes every
 * descriptor for its first client.
 *
 * What cannot be found out within a second counts as no.
 */
export function isSelfUpstream(listen: Address, upstream: Address): Promise<boolean> {
  const found = isSame(listen, upstream).catch(() => false)
  return Promise.race([found, sleep(LOOK_MS, false, { ref: false })])
}

async function isSame(listen: Address, upstream: Address): Promise<boolean> {
  if ('path' in listen) return 'path' in upstream && isSameFile(listen.path, upstream.path)
  // The usual answer, which costs nothing. Port 0 is no port before it listens.
  if ('path' in upstream || listen.port !== upstream.port) return false
  const [listener, dialed] = await Promise.all([
    // As Node does to listen, and to dial.
    lookup(listen.host),
    lookup(upstream.host, { all: true }),
  ])
  const { port } = upstream
  const reached = await Promise.all(
    dialed.map(({ address }) => isReached(plain(listener.address), address, port)),
  )
  return reached.includes(true)
}

/** Whether a connection to `dialed` gets to `listener`. */
async function isReached(listener: string, dialed: string, port: number): Promise<boolean> {
  const { local, remote } = await endsOfDial(dialed, port)
  // Where this machine dials itself, both ends have the same address, or its own end has that of the loopback.
  const isHere = local === remote || local === '::1' || local.startsWith('127.')
  if (listener === '::') return isHere
  return listener === '0.0.0.0' ? isHere && isIPv4(remote) : listener === remote
}

/** The addresses that both ends of a connection would have, by the kernel's routes. A connected datagram socket has sent nothing. */
async function endsOfDial(host: string, port: number): Promise<{ local: string; remote: string }> {
  const { createSocket } = await import('node:dgram')
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    await new Promise<void>((connected, failed) => {
      socket.once('error', failed)
      // Node's types know no callback that gets the error.
      socket.connect(port, host, ((error?: Error) => (error ? failed(error) : connected())) as () => void)
    })
    return { local: plain(socket.address().address), remote: plain(socket.remoteAddress().address) }
  } catch {
    return { local: 'none', remote: 'unreachable' }
  } finally {
    socket.close()
  }
}

/** The one spelling of an IP address; an IPv4 address in IPv6 is that IPv4 address. */
function plain(text: string): string {
  if (!isIPv6(text)) return text
  const [withoutZone = '', zone] = text.split('%')
  const { address } = new SocketAddress({ address: withoutZone, family: 'ipv6' })
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : ''
  if (isIPv4(mapped)) return mapped
  return zone === undefined ? address : `${address}%${zone}`
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  if (resolve(one) === resolve(other)) return true
  const [a, b] = await Promise.all([stat(one, { bigint: true }), stat(other, { bigint: true })])
  return a.dev === b.dev && a.ino === b.ino
}
