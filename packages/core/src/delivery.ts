import { setTimeout as sleep } from 'node:timers/promises'
import type { RawConnection } from './raw-connection.js'
import { knowsSendQueue, sendQueueBytes } from './send-queue.js'

const POLL_MS = 25
const BLIND_WAIT_MS = 250
const SOON_LOOKS = 4

/** Bytes written to a connection that its peer has not acknowledged yet, as far as the platform tells. */
export async function undelivered(connection: RawConnection): Promise<number> {
  if (connection.gone) return 0
  const queued = connection.tcp === undefined ? 0 : await sendQueueBytes(connection.tcp)
  return connection.socket.writableLength + queued
}

/** Whether the peer has acknowledged everything within a few looks; a peer that reads has. */
export async function deliveredSoon(connection: RawConnection): Promise<boolean> {
  for (let looks = 0; looks < SOON_LOOKS; looks++) {
    if ((await undelivered(connection)) === 0)
      return knowsSendQueue || connection.tcp === undefined || connection.gone
    await sleep(POLL_MS)
  }
  return false
}

/**
 * Waits until the peer's kernel has acknowledged everything that was written.
 *
 * A reset makes our kernel throw its send queue away, so whoever wants to reset a connection behind its last byte waits for this
 * first. **Ends** too when nothing was acknowledged for `stallMs` (0: never), or the connection closes.
 */
export async function delivered(connection: RawConnection, stallMs: number): Promise<void> {
  let left = await undelivered(connection)
  let progressAt = performance.now()
  while (left > 0 && !connection.gone) {
    if (stallMs > 0 && performance.now() - progressAt >= stallMs) return
    await sleep(POLL_MS)
    const now = await undelivered(connection)
    if (now !== left) progressAt = performance.now()
    left = now
  }
  if (!knowsSendQueue && connection.tcp !== undefined && !connection.gone) await sleep(BLIND_WAIT_MS)
}
