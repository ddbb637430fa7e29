import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { hexAddress, sendQueueBytes } from '../src/send-queue.js'
import { clientPair } from './support/wire.js'

// The kernel's tables, given when the test says so: no real one can be stopped in the middle of being read.
vi.mock('node:fs/promises', async (original) => ({ ...(await original<object>()), readFile: vi.fn() }))

test('no table is read for a socket without an address', async () => {
  vi.mocked(readFile).mockClear()
  expect(await sendQueueBytes(new Socket())).toBe(0)
  expect(readFile).not.toHaveBeenCalled()
})

test.runIf(process.platform === 'linux')(
  'a question is not answered from a table whose reading had begun before it',
  async () => {
    const { inner, peer } = await clientPair()
    const hex = (port = 0): string => port.toString(16).toUpperCase().padStart(4, '0')
    const end = (address = '', port?: number): string => `${hexAddress(address)}:${hex(port)}`
    const row = `0: ${end(inner.localAddress, inner.localPort)} ${end(inner.remoteAddress, inner.remotePort)} 01 00000010:00000000`
    const reads: ((table: string) => void)[] = []
    vi.mocked(readFile).mockImplementation(() => new Promise((resolve) => reads.push(resolve as never)))

    const early = sendQueueBytes(inner)
    await vi.waitFor(() => expect(reads).toHaveLength(2))
    const late = sendQueueBytes(inner)
    for (const give of reads.splice(0)) give('')
    expect(await early).toBe(0)
    await vi.waitFor(() => expect(reads).toHaveLength(2))
    for (const give of reads.splice(0)) give(row)
    expect(await late).toBe(16)
    inner.destroy()
    peer.socket.destroy()
  },
)
