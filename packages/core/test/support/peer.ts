import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'

/** How a stream ended, as its reader saw it. */
type Ending = 'fin' | 'reset' | 'error'

export interface Received {
  readonly bytes: number
  readonly hash: string
  readonly ending: Ending
}

const NOTHING = Buffer.alloc(0)

/** One end of a tested connection, which keeps what it received and how that ended. */
export class Peer {
  readonly socket: Socket
  /** Settles when the incoming stream has ended, however it did. */
  readonly received: Promise<Received>
  readonly #hash = createHash('sha256')
  #bytes = 0
  #waiters: { readonly bytes: number; resolve(): void }[] = []

  constructor(socket: Socket, options: { paused?: boolean } = {}) {
    this.socket = socket
    socket.allowHalfOpen = true
    socket.setNoDelay(true)
    if (options.paused) socket.pause()
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length
      this.#hash.update(chunk)
      this.#waiters = this.#waiters.filter(({ bytes, resolve }) => this.#bytes < bytes || resolve())
    })
    if (options.paused) socket.pause()
    this.received = new Promise((resolve) => {
      const settle = (ending: Ending): void =>
        resolve({ bytes: this.#bytes, hash: this.#hash.copy().digest('hex'), ending })
      socket.on('error', (error) =>
        settle('code' in error && /ECONNRESET|EPIPE/.test(String(error.code)) ? 'reset' : 'error'),
      )
      // Node 20 and 22 can show a reset as an end: an empty write tells them apart.
      socket.on('end', () => {
        if (socket.writableEnded) settle('fin')
        else socket.write(NOTHING, (error) => settle(error ? 'reset' : 'fin'))
      })
      socket.on('close', () => settle('error'))
    })
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Resolves when that many bytes have come. */
  async arrived(bytes: number): Promise<void> {
    if (this.#bytes >= bytes) return
    await new Promise<void>((resolve) => this.#waiters.push({ bytes, resolve }))
  }

  write(data: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) =>
      this.socket.write(data, (error) => (error ? reject(error) : resolve())),
    )
  }

  end(data: string | Buffer = ''): void {
    this.socket.end(data)
  }

  reset(): void {
    // One that meets a FIN on its way is refused by libuv, and the socket would never close.
    if (this.socket.writableEnded && !this.socket.writableFinished) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  /** Resolves when the socket is closed. */
  async closed(): Promise<void> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once('close', resolve))
  }
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
