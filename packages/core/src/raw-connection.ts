import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { RelayError } from './errors.js'
import { hasPeer } from './has-peer.js'
import type { ReadBuffer } from './read-buffer.js'
import { inTurn } from './turn-share.js'

/** Takes what arrives on a connection. */
export interface ConnectionReader {
  /** Whether it keeps nothing of what it gets but what is lent to it: it may then get up to 144 KiB at once, else 64 KiB. */
  readonly direct?: boolean
  /**
   * Bytes arrived. Returns whether more are wanted; after `false` nothing comes until `resume()`.
   *
   * The memory of a `lent` chunk is reused as soon as `true` is returned, or `resume()` is called.
   */
  onData(chunk: Buffer, lent: boolean): boolean
  /** The peer sent FIN, and everything before it was handed over; also to a reader who has said that it wants no more for now. */
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

// As much as a socket reads ahead by itself, with the high-water mark that all of ours have.
const AHEAD_BYTES = 16 * 1024
const ignore = (): void => {}
// On the socket itself: a WeakMap that grows old keeps what young sockets lead to through every scavenge, a session's all.
const CONNECTION = Symbol('RawConnection')

type Connected = Duplex & { [CONNECTION]?: RawConnection | undefined }

function listener<T>(
  act: (connection: RawConnection, value: T) => void,
): (this: Connected, value: T) => void {
  return function (value) {
    // A listener that was taken off while its event is on its way still hears of it.
    const connection = this[CONNECTION]
    if (connection !== undefined) act(connection, value)
  }
}

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
  /** Whether a connector keeps it between its users; else the last one gives the socket back as it came. */
  owned = false
  /** Whether what was flushed was copied, to the kernel or by encryption, so that its memory can be used again. */
  readonly copies: boolean
  readonly #tcp: Socket | undefined
  readonly #readBuffer: ReadBuffer | undefined
  #user: ConnectionUser | undefined
  #unread: Buffer[] = []
  #unreadBytes = 0
  #flowing = false
  #listening = false
  #ended = false
  #endDelivered = false
  #closed = false
  #error: Error | undefined
  readonly #allowHalfOpen: boolean

  // The same functions for all sockets: a dozen closures of each session are what every scavenge would copy.
  static readonly #onData = listener((connection, chunk: Buffer) => {
    if (!connection.#receive(chunk, false)) connection.socket.pause()
  })
  static readonly #listeners = Object.entries({
    end: listener((connection) => connection.#onEnd()),
    drain: listener((connection) => connection.#user?.writer.onFlushed()),
    finish: listener((connection) => connection.#user?.writer.onFinished()),
    error: listener((connection, error: Error) => {
      connection.#error ??= error
    }),
    close: listener((connection) => connection.#onClose()),
  })

  /** The connection of a socket: the same object each time. */
  static of(socket: Duplex): RawConnection {
    return (socket as Connected)[CONNECTION] ?? new RawConnection(socket)
  }

  /**
   * @param options.tcp - The TCP socket under a TLS socket: the only one that can be reset.
   * @param options.readBuffer - The memory that a socket made with `onread` reads into.
   */
  constructor(
    socket: Duplex,
    options: { tcp?: Socket | undefined; readBuffer?: ReadBuffer | undefined } = {},
  ) {
    const connected: Connected = socket
    connected[CONNECTION] = this
    this.socket = socket
    this.copies = socket instanceof Socket
    this.#tcp = options.tcp ?? (socket instanceof Socket ? socket : undefined)
    this.#readBuffer = options.readBuffer
    this.#allowHalfOpen = socket.allowHalfOpen
    socket.allowHalfOpen = true
    for (const [event, listener] of RawConnection.#listeners) socket.on(event, listener)
    if (this.#readBuffer !== undefined) this.#readBuffer.onData = (chunk, lent) => this.#receive(chunk, lent)
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

  /** Whether somebody uses it. */
  get inUse(): boolean {
    return this.#user !== undefined
  }

  /** Why a next user could not have it, as far as the socket tells; `undefined` when it is good. */
  get unfit(): 'invalid' | 'ended' | 'unread' | 'unflushed' | undefined {
    const { socket } = this
    if (this.#closed || socket.destroyed || this.#error !== undefined) return 'invalid'
    if (this.#ended || socket.readableEnded || socket.writableEnded) return 'ended'
    if (this.#unread.length > 0 || socket.readableLength > 0) return 'unread'
    // Memory on loan waits in somebody else's write queue: the next read must not overwrite it.
    if (socket.writableLength > 0 || this.#readBuffer?.lending) return 'unflushed'
    return undefined
  }

  /** Waits until the kernel has taken everything written, at most `timeoutMs`. */
  async flushed(timeoutMs: number): Promise<void> {
    const { socket } = this
    if (socket.writableLength === 0 || socket.writableEnded || socket.destroyed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      // An empty write is called back behind all that was written before.
      socket.write(NOTHING, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Gives the connection to a user, who gets what is unread first; reading starts with `resume()`. */
  attach(user: ConnectionUser): void {
    this.#user = user
    if (this.#readBuffer !== undefined) this.#readBuffer.direct = user.reader.direct ?? false
    this.#endDelivered = false
    if (this.#closed) process.nextTick(() => this.#user === user && user.onClosed(this.#error))
  }

  /** Takes the connection from its user, who hears nothing more of it. */
  detach(): void {
    this.#user = undefined
    this.pause()
  }

  /** Gives the socket back as it came: our listeners off, unread bytes in its own buffer. Nobody may use this object after it. */
  restore(): void {
    const { socket } = this
    this.detach()
    socket.pause()
    const connected: Connected = socket
    connected[CONNECTION] = undefined
    socket.off('data', RawConnection.#onData)
    for (const [event, listener] of RawConnection.#listeners) socket.off(event, listener)
    socket.allowHalfOpen = this.#allowHalfOpen
    if (socket.destroyed || socket.readableEnded) return
    for (const chunk of this.#unread.reverse()) socket.unshift(chunk)
    // The one public way from paused back to "nobody has asked to read yet".
    socket.on('readable', ignore).off('readable', ignore)
  }

  /** Hands nothing over any more; a little is read ahead, for the end of it may be a FIN or a reset. */
  pause(): void {
    if (!this.#flowing) return
    this.#flowing = false
    if (this.#readBuffer === undefined) this.socket.pause()
  }

  /** Hands over what is unread, then what arrives, until the reader wants no more. */
  resume(): void {
    const reader = this.#user?.reader
    if (reader === undefined) return
    this.#readBuffer?.returned()
    while (this.#unread.length > 0) {
      const chunk = this.#unread.shift() as Buffer
      this.#unreadBytes -= chunk.length
      if (!reader.onData(chunk, false)) return
      if (this.#user?.reader !== reader) return
    }
    if (this.#ended) return this.#deliverEnd()
    if (this.#flowing || this.#closed) return
    this.#flowing = true
    // Only now: a 'data' listener without a reader would make the socket flow, and an unlistened one keeps its bytes.
    if (!this.#listening && this.#readBuffer === undefined) {
      this.#listening = true
      this.socket.on('data', RawConnection.#onData)
    }
    this.socket.resume()
  }

  /** Nobody needs the memory of the last lent chunk any more, and reading does not go on yet. */
  returnLent(): void {
    this.#readBuffer?.returned()
  }

  /** Puts bytes back: the next user reads them first. */
  unread(chunk: Buffer): void {
    this.#unread.unshift(chunk)
    this.#unreadBytes += chunk.length
  }

  /** What was received and not handed over when the socket closed, or reading was stopped for good. */
  takeUnread(): Buffer[] {
    const chunks = this.#unread
    this.#unread = []
    this.#unreadBytes = 0
    if (this.#readBuffer !== undefined) return chunks
    // A destroyed socket still gives what it had buffered; 'data' may be emitted for it as well, to nobody.
    this.socket.off('data', RawConnection.#onData)
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
      const more = reader.onData(chunk, lent)
      if (more) this.#readBuffer?.returned()
      else {
        this.#flowing = false
        if (lent) return false
      }
    } else {
      this.#unread.push(lent ? Buffer.from(chunk) : chunk)
      this.#unreadBytes += chunk.length
      this.#readBuffer?.returned()
    }
    return this.#flowing || (this.#readBuffer !== undefined && this.#unreadBytes < AHEAD_BYTES)
  }

  // Node 20 and 22 show data and a reset in one poll as data and a FIN. The kernel knows; where it can't be asked, and to learn what has
  // happened, the truth is one empty write away: it fails after a reset.
  #onEnd(): void {
    const { socket } = this
    const tcp = this.#tcp
    if (tcp === undefined || socket.writableEnded || socket.destroyed) return this.#setEnded()
    inTurn(() => (socket.writableEnded || socket.destroyed ? this.#setEnded() : this.#askForEnd(tcp)))
  }

  // Over TLS the TCP socket is asked: no record is sent, and where the reset met the handshake a write to TLS would never end.
  #askForEnd(tcp: Socket): void {
    if (hasPeer(tcp)) return this.#setEnded()
    const { socket } = this
    const pending = socket.writableLength > 0
    // A write is pending: its failure comes in this very turn of the loop, with the event that brought the end.
    if (pending) setImmediate(() => socket.destroyed || this.#setEnded())
    if (pending && tcp === socket) return
    tcp.write(NOTHING, (error) => (error ? socket.destroy(error) : this.#setEnded()))
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
    const user = this.#user
    // Nothing comes any more: a closed connection must not keep a session that has ended.
    this.#user = undefined
    user?.onClosed(this.#error)
  }
}
