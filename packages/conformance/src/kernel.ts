import { readFile } from 'node:fs/promises'

/** The two ports of a connection; on one machine they name it. */
export interface Ports {
  readonly local: number
  readonly remote: number
}

/** Whether the kernel tells of its connections here. */
export const kernelTells: boolean = process.platform === 'linux'

const LOOKS = 4
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
const ROWS = /:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/g

/** What the kernel holds of each connection to be sent and acknowledged, by its ports. */
type Queues = ReadonlyMap<string, number>

let running: Promise<Queues> | undefined
let following: Promise<Queues> | undefined

/** Bytes of ours that the kernel of the other end has not acknowledged yet; 0 when the connection is gone, or nobody tells. */
export async function unacknowledged({ local, remote }: Ports): Promise<number> {
  return (await find([key(local, remote)])) ?? 0
}

/**
 * Whether a connection that has ended was ended by FINs alone. Its side that was the first to send one stays known for a while
 * (TIME_WAIT); of a connection that was reset nothing is left.
 */
export async function endedByFin({ local, remote }: Ports): Promise<boolean> {
  return (await find([key(local, remote), key(remote, local)])) !== undefined
}

// Linux writes the table piece by piece and may skip a row when others come and go meanwhile: none is missing before it was looked for
// a few times.
async function find(keys: readonly string[]): Promise<number | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const queues = await sample()
    const found = keys.find((one) => queues.has(one))
    if (found !== undefined) return queues.get(found)
  }
  return undefined
}

/** Reads the tables after this call; everybody who asks meanwhile shares the next reading, for it can take a tenth of a second. */
function sample(): Promise<Queues> {
  if (running === undefined) {
    running = read().finally(() => {
      running = undefined
    })
    return running
  }
  following ??= running.then(() => {
    following = undefined
    return sample()
  })
  return following
}

async function read(): Promise<Queues> {
  // No IPv6, or a container that hides it: as if there were no connection.
  const tables = await Promise.all(TABLES.map((path) => readFile(path, 'latin1').catch(() => '')))
  const rows = tables.join('').matchAll(ROWS)
  return new Map(
    Array.from(rows, ([, local, remote, queued]) => [`${local} ${remote}`, Number(`0x${queued}`)]),
  )
}

function key(local: number, remote: number): string {
  return `${hex(local)} ${hex(remote)}`
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}
