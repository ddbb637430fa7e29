import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import type { Peer } from './support/peer.js'
import { symmetric } from './support/wire.js'

const CHUNK_BYTES = 16 * 1024

/** Sends until the last bytes wait in the relay's own memory, for a far side that reads nothing. Returns how many it sent. */
async function stuck(near: Peer, toFar: { readonly writableLength: number }): Promise<number> {
  let sent = 0
  let taken = true
  while (toFar.writableLength === 0 && taken) {
    taken = false
    void near.write(Buffer.alloc(CHUNK_BYTES, sent / CHUNK_BYTES)).then(
      () => (taken = true),
      () => {},
    )
    sent += CHUNK_BYTES
    // The kernel has all buffers on both ways: what is not taken in so many turns is stuck.
    for (let turns = 0; turns < 200 && (!taken || turns < 4) && toFar.writableLength === 0; turns++)
      await nextTurn()
  }
  return sent
}

describe('a stream that ended while its last bytes wait for a side that reads nothing', () => {
  symmetric('first FIN ends both: that side is cut by a reset, and it is said', async (wire) => {
    const { near, far, toFar, result } = await wire({
      ...{ pausedFar: true, halfClose: 'close' },
      ...{ lingerMs: 200, idleTimeoutMs: 1_000 },
    })
    const sent = await stuck(near, toFar)
    near.end()
    // A socket of somebody else's is not read ahead: its FIN may be behind bytes that nobody asks for.
    expect((await result).reason).toMatch(/^(linger|idle)-timeout$/)
    far.socket.resume()
    const { ending, bytes } = await far.received
    expect(bytes).toBeLessThan(sent)
    expect(ending).toBe('reset')
  })
})

symmetric('a reset behind a FIN that nobody had read yet is no reset', async (wire) => {
  const { near, far, toFar, nearSide, result } = await wire({ pausedFar: true })
  const sent = await stuck(near, toFar)
  near.end('the end')
  await once(near.socket, 'finish')
  near.socket.resetAndDestroy()
  far.socket.resume()
  expect(await far.received).toMatchObject({ bytes: sent + 'the end'.length, ending: 'fin' })
  far.end()
  expect((await result).reason).toBe(`${nearSide}-end`)
})
