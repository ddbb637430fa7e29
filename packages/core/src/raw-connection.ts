import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { RelayError } from './errors.js'
import type { ReadBuffer } from './read-buffer.js'

/** Takes what arrives on a connection. */
export interface ConnectionReader {
  /**
   * Bytes arrived. Returns whether more are wanted; after `false` nothing comes until `resume()`.
   *
   * The memory of a `lent` chunk is reused as soon as `true` is returned, or `resume()` is called.
   */
  onData(chunk: Buffer, lent: boolean): boolean
  /** The peer sent FIN, and everything before it was handed over. */
  onEnd(): void
}

/** Learns what becomes of what was written to a connection. */
export interface ConnectionWriter {
  /** The kernel has taken everything that was written. */
  onFlushed(): void
  /** Our FIN was sent behind everything that was written. */
  onFinished(): void
}

/** The one who uses a connection now. */
export interface ConnectionUser {
  readonly reader: ConnectionReader
  readonly writer: ConnectionWriter
  /** The connection is gone; nothing comes after this. `error` says why, when it was not us. */
  onClosed(error: Error | undefined): void
}

const NOTHING = Buffer.alloc(0)
const connections = new WeakMap<Duplex, RawConnection>()

/**
 * One raw socket, for life: the only listeners on it, which hand what happens to the user of the moment.
 *
 * ```text
 *            attach(user)                FIN                  both directions ended, reset, failure, destroy
 *  unused ───────────────▶ in use ───────────────▶ ended ──────────────────────────▶ closed
 *     ▲       detach()       │
 *     └──────────────────────┘   unread bytes wait here for the next user
 * ```
 *
 * Users come and go without a listener being added or removed, so no byte falls between two of them.
 */
export class RawConnection {
  readonly socket: Duplex
  readonly #tcp: Socket | undefined
  readonly #readBuffer: ReadBuffer | undefined
  #user: ConnectionUser | undefined
  #unread: Buffer[] = []
  #flowing = false
  #listening = false
  #ended = false
  #endDelivered = false
  #closed = false
  #error: Error | undefined

  /** The connection of a socket: the same object each time. */
  static of(socket: Duplex): RawConnection {
    return connections.get(socket) ?? new RawConnection(socket)
  }

  /**
   * @param options.tcp - The TCP socket under a TLS socket: the only one that can be reset.
   * @param options.readBuffer - The memory that a socket dialed with `onread` reads into.
   */
  constructor(
    socket: Duplex,
    options: { tcp?: Socket | undefined; readBuffer?: ReadBuffer | undefined } = {},
  ) {
    connections.set(socket, this)
    this.socket = socket
    this.#tcp = options.tcp ?? (socket instanceof Socket ? socket : undefined)
    this.#readBuffer = options.readBuffer
    socket.allowHalfOpen = true
    socket.on('end', () => this.#onEnd())
    socket.on('drain', () => this.#user?.writer.onFlushed())
    socket.on('finish', () => this.#user?.writer.onFinished())
    socket.on('error', (error) => {
      this.#error ??= error
    })
    socket.on('close', () => this.#onClose())
    if (this.#readBuffer !== undefined) this.#readBuffer.onData = (chunk) => this.#receive(chunk, true)
  }

  /** The TCP socket whose addresses and queues the kernel knows, if there is one. */
  get tcp(): Socket | undefined {
    return this.#tcp
  }

  /** Whether the socket is gone. */
  get closed(): boolean {
    return this.#closed
  }

  /** Whether the peer's FIN was seen. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether our FIN was sent, behind everything written. */
  get finished(): boolean {
    return this.socket.writableFinished
  }

  /** Gives the connection to a user, who gets what is unread first; reading starts with `resume()`. */
  attach(user: ConnectionUser): void {
    this.#user = user
    this.#endDelivered = false
    if (this.#closed) process.nextTick(() => this.#user === user && user.onClosed(this.#error))
  }

  /** Takes the connection from its user, who hears nothing more of it; reading stops. */
  detach(): void {
    this.#user = undefined
    this.pause()
  }

  pause(): void {
    if (!this.#flowing) return
    this.#flowing = false
    this.socket.pause()
  }

  /** Hands over what is unread, then what arrives, until the reader wants no more. */
  resume(): void {
    const reader = this.#user?.reader
    if (reader === undefined) return
    this.#readBuffer?.returned()
    while (this.#unread.length > 0) {
      if (!reader.onData(this.#unread.shift() as Buffer, false)) return
      if (this.#user?.reader !== reader) return
    }
    if (this.#ended) return this.#deliverEnd()
    if (this.#flowing || this.#closed) return
    this.#flowing = true
    // Only now: a 'data' listener without a reader would make the socket flow, and an unlistened one keeps its bytes.
    if (!this.#listening && this.#readBuffer === undefined) {
      this.#listening = true
      this.socket.on('data', (chunk: Buffer) => {
        if (!this.#receive(chunk, false)) this.socket.pause()
      })
    }
    this.socket.resume()
  }

  /** Puts bytes back: the next user reads them first. */
  unread(chunk: Buffer): void {
    this.#unread.unshift(chunk)
  }

  /** What was received and not handed over when the socket closed, or reading was stopped for good. */
  takeUnread(): Buffer[] {
    const chunks = this.#unread
    this.#unread = []
    if (this.#readBuffer !== undefined) return chunks
    // A destroyed socket still gives what it had buffered; 'data' may be emitted for it as well, to nobody.
    this.socket.removeAllListeners('data')
    this.#listening = false
    for (let chunk = this.socket.read(); chunk !== null; chunk = this.socket.read()) chunks.push(chunk)
    return chunks
  }

  /**
   * Ends the connection so that the peer sees a reset, which a cut stream must look like. A unix socket, a TLS socket that was not
   * dialed by us and a plain Duplex know no reset: they are destroyed.
   */
  reset(): void {
    // In the middle of shutdown(2) libuv refuses to reset, and the FIN is on its way.
    const shuttingDown = this.socket.writableEnded && !this.finished && this.socket.writableLength === 0
    if (this.#tcp !== undefined && this.#tcp.remoteAddress !== undefined && !shuttingDown) {
      this.#tcp.resetAndDestroy()
      this.socket.destroy()
    } else {
      this.socket.destroy(
        this.#tcp === undefined ? new RelayError('ERR_RELAY_RESET', 'reset by the relay') : undefined,
      )
    }
  }

  destroy(): void {
    this.socket.destroy()
  }

  #receive(chunk: Buffer, lent: boolean): boolean {
    const reader = this.#user?.reader
    if (reader !== undefined && this.#flowing) {
      if (reader.onData(chunk, lent)) return this.#flowing
      this.#flowing = false
      return false
    }
    this.#unread.push(lent ? Buffer.from(chunk) : chunk)
    return false
  }

  // Node 20 and 22 show data and a reset in one poll as data and a FIN. The truth is one empty write away: it fails after a reset.
  #onEnd(): void {
    const { socket } = this
    if (this.#tcp !== socket || socket.writableEnded || socket.destroyed) return this.#setEnded()
    // A write is pending: its failure comes in this very turn of the loop, with the event that brought the end.
    if (socket.writableLength > 0) setImmediate(() => socket.destroyed || this.#setEnded())
    else socket.write(NOTHING, (error) => error || this.#setEnded())
  }

  #setEnded(): void {
    this.#ended = true
    if (this.#unread.length === 0) this.#deliverEnd()
  }

  #deliverEnd(): void {
    if (this.#endDelivered || this.#user === undefined || this.#closed) return
    this.#endDelivered = true
    this.#user.reader.onEnd()
  }

  #onClose(): void {
    this.#closed = true
    this.#readBuffer?.release()
    this.#user?.onClosed(this.#error)
  }
}
