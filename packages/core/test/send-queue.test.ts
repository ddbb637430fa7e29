import { describe, expect, test, vi } from 'vitest'
import { sendQueueBytes } from '../src/send-queue.js'
import { clientPair } from './support/wire.js'

describe.runIf(process.platform === 'linux')('the send queue', () => {
  test('grows with what the peer does not read, and empties as it reads', async () => {
    const { inner, peer } = await clientPair(true)
    expect(await sendQueueBytes(inner)).toBe(0)
    inner.write(Buffer.alloc(20 * 1024 * 1024))
    expect(await sendQueueBytes(inner)).toBeGreaterThan(0)
    peer.socket.resume()
    await peer.arrived(20 * 1024 * 1024)
    let left = -1
    while (left !== 0) left = await sendQueueBytes(inner)
    inner.destroy()
    peer.socket.destroy()
    expect(await sendQueueBytes(inner)).toBe(0)
  })

  test('is told soon again after the process has stood still while it read', async () => {
    const { inner, peer } = await clientPair(true)
    const now = performance.now.bind(performance)
    let stoodStillMs = 0
    // Each look at the clock is three seconds behind the one before, as for a process that hardly runs.
    vi.spyOn(performance, 'now').mockImplementation(() => {
      stoodStillMs += 3_000
      return now() + stoodStillMs
    })
    try {
      await sendQueueBytes(inner)
      vi.restoreAllMocks()
      vi.spyOn(performance, 'now').mockImplementation(() => now() + stoodStillMs)
      expect(await sendQueueBytes(inner)).toBe(0)
    } finally {
      vi.restoreAllMocks()
    }
    inner.destroy()
    peer.socket.destroy()
  }, 10_000)
})
