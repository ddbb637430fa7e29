import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { expect } from 'vitest'

const FIN_SENT = new Set(['04', '05'])

/** Waits until the other end of a loopback connection has sent its FIN, whether or not that could be delivered yet. */
export async function finSentTo(socket: Socket): Promise<void> {
  const [local, remote] = [socket.remotePort, socket.localPort].map((port) =>
    (port ?? 0).toString(16).toUpperCase().padStart(4, '0'),
  )
  const row = new RegExp(`^ *\\d+: [0-9A-F]+:${local} [0-9A-F]+:${remote} ([0-9A-F]{2}) `, 'm')
  await expect
    .poll(() => FIN_SENT.has(row.exec(readFileSync('/proc/net/tcp', 'latin1'))?.[1] ?? ''), {
      timeout: 20_000,
    })
    .toBe(true)
}
