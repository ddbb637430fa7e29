import { readFile } from 'node:fs/promises'
import { isIPv4, isIPv6, type Socket } from 'node:net'
import { endianness } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { inTurn } from './turn-share.js'

const LOOK_EVERY_MS = 25

// A busy machine has tens of thousands of rows: reading them must not become what the process does.
const MAX_SHARE = 0.1
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

// Addresses, state, and a send queue that is not empty.
const BUSY_ROW = /: ([0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4}) \w\w (?!0{8})(\w{8}):/g

/** Whether this platform tells how much of what was sent the peer has not acknowledged. */
export const knowsSendQueue: boolean = process.platform === 'linux'

type Queues = ReadonlyMap<string, number>

interface Asker {
  readonly socket: Socket
  readonly answer: (bytes: number) => void
}

let asking: Asker[] = []
let looking = false
let nextLookAt = 0

/**
 * Bytes that the kernel holds for a connected TCP socket: written, and not yet acknowledged by the peer; 0 for a socket that is gone.
 *
 * One read of the kernel's tables, at most each 25 ms and more rarely the longer they are, serves everyone who asks. Linux only:
 * elsewhere 0.
 */
export async function sendQueueBytes(socket: Socket): Promise<number> {
  // One that is gone, and a unix socket, has no row: no table is read for it.
  if (!knowsSendQueue || socket.remoteAddress === undefined) return 0
  return new Promise((answer) => {
    asking.push({ socket, answer })
    if (!looking) void look()
  })
}

async function look(): Promise<void> {
  looking = true
  while (asking.length > 0) {
    const waitMs = nextLookAt - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    // Who asks from here on waits for the next: what was written since this one began would be missing in it.
    const askers = asking
    asking = []
    const queues = await readQueues()
    for (const { socket, answer } of askers) inTurn(() => answer(bytesOf(socket, queues)))
  }
  looking = false
}

async function readQueues(): Promise<Queues> {
  // A table that can't be read (no IPv6, a locked-down container) counts as empty: nothing waits for what can't be known.
  const tables = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => '')))
  // Processor time: on a busy machine the process may stand still here, and nobody's deadline may wait ten times as long for that.
  const before = process.cpuUsage()
  const queues = new Map<string, number>()
  for (const match of tables.join('').matchAll(BUSY_ROW)) {
    queues.set(match[1] as string, Number.parseInt(match[2] as string, 16))
  }
  const { user, system } = process.cpuUsage(before)
  nextLookAt = performance.now() + Math.max(LOOK_EVERY_MS, (user + system) / 1_000 / MAX_SHARE)
  return queues
}

function bytesOf(socket: Socket, queues: Queues): number {
  const key = rowKey(socket)
  return (key && queues.get(key)) || 0
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
