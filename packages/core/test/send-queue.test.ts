import { describe, expect, test, vi } from 'vitest'
import { hexAddress, sendQueueBytes } from '../src/send-queue.js'
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

  test('is found for addresses of both families, as the kernel writes them', () => {
    expect(hexAddress('127.0.0.1')).toBe('0100007F')
    expect(hexAddress('::1')).toBe('00000000000000000000000001000000')
    expect(hexAddress('::ffff:127.0.0.1')).toBe('0000000000000000FFFF00000100007F')
    expect(hexAddress('fe80::1:2%eth0')).toBe('000080FE000000000000000002000100')
    expect(hexAddress('2001:db8:1:2:3:4:5:6')).toBe('B80D0120020001000400030006000500')
  })
})
