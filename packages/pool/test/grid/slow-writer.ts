import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A socket whose first bytes go out in small pieces: a handshake that takes its time. */
export function slowWriter(tcp: Socket): Duplex {
  let slow = 12
  const wire = new Duplex({
    allowHalfOpen: true,
    read: () => void tcp.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      const next = (at: number): void => {
        const end = slow-- > 0 ? at + 100 : chunk.length
        if (end >= chunk.length) return void tcp.write(chunk.subarray(at), done)
        tcp.write(chunk.subarray(at, end))
        setTimeout(next, 15, end)
      }
      next(0)
    },
    final: (done) => void tcp.end(done),
    destroy: (error, done) => {
      tcp.destroy()
      done(error)
    },
  })
  tcp.on('data', (chunk) => wire.push(chunk) || tcp.pause())
  tcp.on('end', () => wire.push(null))
  tcp.on('close', () => wire.destroy())
  return wire
}
