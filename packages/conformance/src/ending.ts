import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * How an incoming stream has ended, where Node says that it has: to be asked at `'end'`, for a reset can look like that.
 *
 * A peer that is gone hangs up, and libuv may take that for the end without reading on; the reset behind the data stays in the kernel. One
 * more read fetches it. That is so for TCP on Node 20 and 22, and for unix sockets everywhere; what an empty write says is no answer,
 * for it fails after a clean close as well.
 */
export function endingOf(socket: Socket): 'FIN' | 'reset' {
  // Not public, and not on every system: without it an end is taken for what it looks like.
  const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } | null })._handle ?? {}
  if (fd === undefined || fd < 0) return 'FIN'
  try {
    readSync(fd, Buffer.alloc(1))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return 'reset'
  }
  return 'FIN'
}
