import { readFile } from 'node:fs/promises'
import { isIPv4, isIPv6, type Socket } from 'node:net'
import { endianness } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const SAMPLE_EVERY_MS = 25
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** Whether this platform tells how much of what was sent the peer has not acknowledged. */
export const knowsSendQueue: boolean = process.platform === 'linux'

let sampledAt = -SAMPLE_EVERY_MS
let sampling: Promise<ReadonlyMap<string, number>> | undefined

/**
 * Bytes that the kernel holds for a connected TCP socket: written, and not yet acknowledged by the peer; 0 for a socket that is gone.
 *
 * One read of the kernel's tables each 25 ms serves everyone who asks. Linux only: elsewhere 0.
 */
export async function sendQueueBytes(socket: Socket): Promise<number> {
  const key = knowsSendQueue ? rowKey(socket) : undefined
  if (key === undefined) return 0
  sampling ??= sample().finally(() => {
    sampling = undefined
  })
  return (await sampling).get(key) ?? 0
}

async function sample(): Promise<ReadonlyMap<string, number>> {
  const waitMs = sampledAt + SAMPLE_EVERY_MS - performance.now()
  if (waitMs > 0) await sleep(waitMs)
  const queues = new Map<string, number>()
  // A table that can't be read (no IPv6, a locked-down container) counts as empty: nothing waits for what can't be known.
  const tables = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => '')))
  for (const match of tables
    .join('')
    .matchAll(/: ([0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4}) \w\w (\w{8}):/g)) {
    queues.set(match[1] as string, Number.parseInt(match[2] as string, 16))
  }
  sampledAt = performance.now()
  return queues
}

function rowKey(socket: Socket): string | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (!localAddress || !remoteAddress || localPort === undefined || remotePort === undefined) return undefined
  return `${hexAddress(localAddress)}:${hexPort(localPort)} ${hexAddress(remoteAddress)}:${hexPort(remotePort)}`
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

/** An address as the kernel prints it: 32-bit words in the machine's byte order. */
export function hexAddress(address: string): string {
  const bytes = isIPv4(address) ? address.split('.').map(Number) : ipv6Bytes(address)
  let hex = ''
  for (let word = 0; word < bytes.length; word += 4) {
    const four = bytes.slice(word, word + 4)
    if (endianness() === 'LE') four.reverse()
    for (const byte of four) hex += byte.toString(16).toUpperCase().padStart(2, '0')
  }
  return hex
}

function ipv6Bytes(address: string): number[] {
  const plain = address.replace(/%.*$/, '')
  if (!isIPv6(plain)) return []
  const lastColon = plain.lastIndexOf(':')
  const tail = plain.slice(lastColon + 1)
  const text = isIPv4(tail) ? plain.slice(0, lastColon + 1) + ipv4Groups(tail) : plain
  const [head = '', rest] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = rest === undefined || rest === '' ? [] : rest.split(':')
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

function ipv4Groups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}
