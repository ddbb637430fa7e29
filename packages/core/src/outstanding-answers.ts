import type { LeaseUse } from './lease-use.js'
import type { ConnectionReader } from './raw-connection.js'

const MAX_BYTES = 64 * 1024

/**
 * Throws away the answers that a gone client left outstanding; resolves with whether all came, and the connection is good again.
 *
 * **Ends** after the lease's `settleMs`, or 64 KiB, at the latest.
 *
 * @param read - Has what arrives on the connection read by the given reader.
 */
export async function answersArrived(
  use: LeaseUse,
  read: (reader: ConnectionReader) => void,
): Promise<boolean> {
  let left = MAX_BYTES
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, use.settleMs)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    read({
      onData: (chunk) => {
        left -= chunk.length
        if (!use.down(chunk) || left < 0 || use.afterClientReset() !== 'wait') done()
        return left >= 0
      },
      onEnd: done,
    })
  })
  return left >= 0 && use.afterClientReset() === 'give-back'
}
