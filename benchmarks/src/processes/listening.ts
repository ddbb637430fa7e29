import { closeSync, openSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, formatAddress } from './free-port.js'
import type { Program } from './program.js'

const READY_MS = 15_000

// Address, port, and the state LISTEN; every row begins with its number.
const ROW = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /gm
const LISTEN = '0A'

/**
 * Resolves when a program listens at its address, by the kernel's word: a connection to try it would be a session, and an upstream such
 * as iperf3 takes it for a client. **Fails** when the program ends first, or takes 15 s.
 */
export async function listening(program: Program, address: Address, everyMs = 5): Promise<void> {
  const deadline = performance.now() + READY_MS
  while (!listeningPorts(program.pid).has(address.port)) {
    if (!program.running || performance.now() > deadline) {
      throw new Error(`nobody listens on ${formatAddress(address)}: ${program.output.trim().slice(-300)}`)
    }
    await sleep(everyMs)
  }
}

/** The ports on which somebody listens, in the network of this process. */
function listeningPorts(pid: number): ReadonlySet<number> {
  const ports = new Set<number>()
  for (const chunk of chunks(`/proc/${pid}/net/tcp`)) {
    for (const [, port, state] of chunk.matchAll(ROW)) {
      // They come first; behind them are as many rows as there are connections.
      if (state !== LISTEN) return ports
      ports.add(Number.parseInt(port as string, 16))
    }
  }
  return ports
}

// The kernel gives whole rows, a page at a time.
function* chunks(path: string): Generator<string> {
  const buffer = Buffer.alloc(16 * 1024)
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    // The process is gone.
    return
  }
  try {
    for (let bytes = readSync(file, buffer); bytes > 0; bytes = readSync(file, buffer)) {
      yield buffer.toString('latin1', 0, bytes)
    }
  } finally {
    closeSync(file)
  }
}
