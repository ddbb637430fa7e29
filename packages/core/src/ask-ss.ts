import { execFile } from 'node:child_process'
import { isIPv6 } from 'node:net'
import { endsOf, type SendQueueTable } from './send-queue-table.js'

// All in which something may wait to be acknowledged.
const STATES = ['established', 'close-wait', 'fin-wait-1', 'closing', 'last-ack'].flatMap((state) => [
  'state',
  state,
])
const MAX_BUFFER_BYTES = 64 * 1024 * 1024
const TIMEOUT_MS = 5_000

// Receive queue, send queue, both ends; the state before them is left out where only one was asked for.
const BUSY_ROW = /\d+ +([1-9]\d*) +(\S+) +(\S+) *$/gm

/**
 * Asks `ss` (iproute2), which has the kernel leave out the sockets in TIME_WAIT, most of a busy machine's: half a microsecond for each
 * instead of the 1.4 of {@link readProcNetTcp}, in another process. **Fails** where there is none, or it may not run.
 */
export function askSs(): Promise<SendQueueTable> {
  return new Promise((resolve, reject) => {
    execFile(
      'ss',
      ['-Hnt', ...STATES],
      { encoding: 'latin1', maxBuffer: MAX_BUFFER_BYTES, timeout: TIMEOUT_MS },
      (error, text) => {
        if (error !== null) return reject(error)
        const queues = new Map<string, number>()
        for (const [, held, local, remote] of text.matchAll(BUSY_ROW)) {
          queues.set(`${plain(local)} ${plain(remote)}`, Number(held))
        }
        resolve({ bytesOf: (socket) => queues.get(endsOf(socket, end) ?? '') ?? 0 })
      },
    )
  })
}

function end(address: string, port: number): string {
  return plain(isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`)
}

// A scope stands within the brackets here, and behind them there.
function plain(end = ''): string {
  return end.replace(/%[^\]:]*/, '')
}
