import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { askSs } from './ask-ss.js'
import { readProcNetTcp, rowCount } from './proc-net-tcp.js'
import type { SendQueueTable } from './send-queue-table.js'
import { inTurn } from './turn-share.js'

const LOOK_EVERY_MS = 25

// A busy machine has a hundred thousand rows: reading them must not become what the process does. A token bucket: so much of a second may
// be spent on it for good, and so much at once after a rest.
const MAX_SHARE = 0.1
const BURST_MS = 2_000

// Starting `ss` takes some milliseconds, as does reading so many rows.
const ROWS_FOR_SS = 10_000
const MS_A_ROW = { proc: 1.4e-3, ss: 0.5e-3 }
const MS_A_LOOK = 0.05

/** Whether this platform tells how much of what was sent the peer has not acknowledged. */
export const knowsSendQueue: boolean = process.platform === 'linux'

interface Asker {
  readonly socket: Socket
  readonly answer: (bytes: number) => void
}

let asking: Asker[] = []
let looking = false
let nextLookAt = 0
/** Processor time spent and not earned back yet, at `spentAt`. */
let spentMs = 0
let spentAt = 0
let hasSs = true

/**
 * Bytes that the kernel holds for a connected TCP socket: written, and not yet acknowledged by the peer; 0 for a socket that is gone.
 *
 * One look at the kernel's tables, at most each 25 ms, serves everyone who asks. Linux only: elsewhere 0. The tables list every TCP
 * socket of the machine: where they are long `ss` is asked, and looks become rarer when they have taken 2 s of processor time, a tenth of
 * it for good.
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
    const table = await readTable()
    for (const { socket, answer } of askers) inTurn(() => answer(table.bytesOf(socket)))
  }
  looking = false
}

async function readTable(): Promise<SendQueueTable> {
  const rows = rowCount()
  const asksSs = hasSs && rows > ROWS_FOR_SS
  const table = asksSs ? await askSs().catch(onSsFailure) : await readProcNetTcp()
  const now = performance.now()
  // By the number of rows, and not by the clock: on a busy machine the process may stand still here, and nobody's deadline may wait for that.
  spend(MS_A_LOOK + rows * MS_A_ROW[asksSs ? 'ss' : 'proc'], now)
  nextLookAt = now + Math.max(LOOK_EVERY_MS, (spentMs - BURST_MS) / MAX_SHARE)
  return table
}

function spend(ms: number, now: number): void {
  spentMs = Math.max(0, spentMs - (now - spentAt) * MAX_SHARE) + ms
  spentAt = now
}

function onSsFailure(error: NodeJS.ErrnoException): Promise<SendQueueTable> {
  // Anything else may be better the next time.
  if (error.code === 'ENOENT' || error.code === 'EACCES') hasSs = false
  return readProcNetTcp()
}
