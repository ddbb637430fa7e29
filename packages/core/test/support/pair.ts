import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Peer } from './peer.js'
import { clientPair } from './wire.js'

/** A socket to guard, and its peer; both are gone when the test is. */
export async function pair(paused = false): Promise<{ raw: Socket; peer: Peer }> {
  const { inner, peer } = await clientPair(paused, true)
  onTestFinished(() => {
    inner.destroy()
    peer.socket.destroy()
  })
  return { raw: inner, peer }
}
