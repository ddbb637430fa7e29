import { Socket } from 'node:net'
import { beforeEach, expect, test, vi } from 'vitest'
import { askSs } from '../src/ask-ss.js'
import { readProcNetTcp, rowCount } from '../src/proc-net-tcp.js'
import { sendQueueBytes } from '../src/send-queue.js'
import type { SendQueueTable } from '../src/send-queue-table.js'
import { clientPair } from './support/wire.js'

// The kernel's tables, given when the test says so: no real one can be stopped in the middle of being read, nor be made long.
vi.mock('../src/proc-net-tcp.js', () => ({ rowCount: vi.fn(() => 1), readProcNetTcp: vi.fn() }))
vi.mock('../src/ask-ss.js', () => ({ askSs: vi.fn() }))

const holding = (bytes: number): SendQueueTable => ({ bytesOf: () => bytes })

beforeEach(() => {
  vi.mocked(rowCount).mockReturnValue(1)
  vi.mocked(readProcNetTcp).mockReset().mockResolvedValue(holding(1))
  vi.mocked(askSs).mockReset().mockResolvedValue(holding(2))
})

test('no table is read for a socket without an address', async () => {
  expect(await sendQueueBytes(new Socket())).toBe(0)
  expect(readProcNetTcp).not.toHaveBeenCalled()
})

async function bytesSeen(): Promise<number> {
  const { inner, peer } = await clientPair()
  try {
    return await sendQueueBytes(inner)
  } finally {
    inner.destroy()
    peer.socket.destroy()
  }
}

// These run in this order: what cannot be asked once is not asked again.
test.runIf(process.platform === 'linux').each([
  ['short tables are read', 10_000, undefined, 1],
  ['where they are long, ss is asked', 10_001, undefined, 2],
  ['an ss that fails leaves the tables to be read', 10_001, 'ETIMEDOUT', 1],
  ['and is asked again', 10_001, undefined, 2],
  ['where there is no ss the tables are read', 10_001, 'ENOENT', 1],
  ['and it is not asked again', 10_001, undefined, 1],
])('%s', async (_, rows, failure, seen) => {
  vi.mocked(rowCount).mockReturnValue(rows)
  if (failure !== undefined) vi.mocked(askSs).mockRejectedValue(Object.assign(new Error(), { code: failure }))
  expect(await bytesSeen()).toBe(seen)
})

test.runIf(process.platform === 'linux')(
  'a question is not answered from a table whose reading had begun before it',
  async () => {
    const { inner, peer } = await clientPair()
    const reads: ((table: SendQueueTable) => void)[] = []
    vi.mocked(readProcNetTcp).mockImplementation(() => new Promise((resolve) => reads.push(resolve)))

    const early = sendQueueBytes(inner)
    await vi.waitFor(() => expect(reads).toHaveLength(1))
    const late = sendQueueBytes(inner)
    reads.shift()?.(holding(0))
    expect(await early).toBe(0)
    await vi.waitFor(() => expect(reads).toHaveLength(1))
    reads.shift()?.(holding(16))
    expect(await late).toBe(16)
    inner.destroy()
    peer.socket.destroy()
  },
)
