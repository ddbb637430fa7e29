import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { askForEnd } from './end-verdict.js'
import { RelayError } from './errors.js'
import type { Loan, ReadBuffer } from './read-buffer.js'
import { RelaySocket } from './relay-socket.js'
import { tcpUnder } from './tcp-under.js'
import { inTurn } from './turn-share.js'

/** Takes what arrives on a connection. */
export interface ConnectionReader {
  /** Whether it copies nothing of what it gets: it may then get up to 144 KiB at once, else 64 KiB. */
  readonly direct?: boolean
  /**
   * Bytes arrived. Returns whether more are wanted; after `false` nothing comes until `resume()`.
   *
   * A chunk with a loan is in memory that the next read overwrites, unless the loan is kept.
   */
  onData(chunk: Buffer, loan: Loan | undefined): boolean
  /** The peer sent FIN, and everything before it was handed over; also to a reader who has said that it wants no more for now. */
  onEnd(): void
}

/** Learns what becomes of what was written to a connection. */
export interface ConnectionWriter {
  /** The kernel has taken everything that was written. */
  onFlushed(): void
  /** Our FIN was sent behind everything that was written. */
  onFinished(): void
  /** A write has met a reset: nothing more can be written. What the peer sent before still comes, then the close. */
  onFailed?(): void
}

/** The one who uses a connection now. */
export interface ConnectionUser {
  readonly reader: ConnectionReader
  readonly writer: ConnectionWriter
  /**
   * The connection is gone; nothing comes after this. `error` says why, when it was not us. If the peer's FIN had come, the bytes before
   * it and `onEnd` come first, at the reader's pace, unless it was the user who destroyed the connection.
   */
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
 *
 * A user hears of the incoming stream in the order of the wire: bytes, its end, the close.
 */
export class RawConnection {
  readonly socket: Duplex
  /** Whether a connector keeps it between its users; else the last one gives the socket back as it came. */
  owned = false
  /** Whether a pool has it: no other may, and not this one twice. */
  pooled = false
  /** Whether what was flushed was copied, to the kernel or by encryption, so that its memory can be used again. */
  readonly copies: boolean
  readonly #tcp: Socket | undefined
  readonly #readBuffer: ReadBuffer | undefined
  /** Memory of the other side of a copy, in our write queue. */
  #borrowed: Loan | undefined
  #user: ConnectionUser | undefined
  #unread: Buffer[] = []
  #unreadBytes = 0
  #flowing = false
  #listening = false
  /** Of the incoming stream: `asking` while it is found out whether it ended by FIN, `told` when the user knows. */
  #end: 'open' | 'asking' | 'seen' | 'told'
  /** The socket is gone. */
  #gone: boolean
  /** By its user, who waits for nothing more. */
  #destroyed = false
  #error: Error | undefined
  readonly #allowHalfOpen: boolean

  // The same functions for all sockets: a dozen closures of each session are what every scavenge would copy.
  static readonly #onData = listener((connection, chunk: Buffer) => {
    if (!connection.#receive(chunk, undefined)) connection.socket.pause()
  })
  static readonly #listeners = Object.entries({
    end: listener((connection) => connection.#onEnd()),
    drain: listener((connection) => connection.#onFlushed()),
    finish: listener((connection) => {
      connection.#repay()
      connection.#user?.writer.onFinished()
    }),
    writeFailure: listener((connection) => connection.#user?.writer.onFailed?.()),
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
   * @param options.tcp - The TCP socket under a TLS socket of ours: the only one that can be reset.
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
    this.#tcp = options.tcp
    this.#readBuffer = options.readBuffer
    // Somebody else's may be past its events already.
    this.#end = socket.readableEnded ? 'seen' : 'open'
    this.#gone = socket.destroyed
    this.#error = socket.errored ?? undefined
    this.#allowHalfOpen = socket.allowHalfOpen
    socket.allowHalfOpen = true
    for (const [event, listener] of RawConnection.#listeners) socket.on(event, listener)
    if (this.#readBuffer === undefined) return
    this.#readBuffer.onData = (chunk, loan) => this.#receive(chunk, loan)
    this.#readBuffer.onFree = () => {
      if (this.#flowing) this.socket.resume()
    }
  }

  /** The TCP socket whose addresses and queues the kernel knows, if there is one. */
  get tcp(): Socket | undefined {
    return tcpUnder(this.#tcp ?? this.socket)
  }

  /** Whether its peer is shown a reset when the socket is closed with bytes unread, even behind our FIN: so it is on a unix socket. */
  get closeMayReset(): boolean {
    const { socket } = this
    return socket instanceof Socket && !(socket instanceof TLSSocket) && this.tcp === undefined
  }

  /** Whether the socket is gone, though its user may still have to hear of bytes and their end. */
  get gone(): boolean {
    return this.#gone
  }

  /** Whether the socket is gone, and there is nothing left to hear. */
  get closed(): boolean {
    return this.#gone && (this.#user === undefined || !this.#hasEndToTell)
  }

  /** Whether the peer's FIN was seen. */
  get ended(): boolean {
    return this.#end === 'seen' || this.#end === 'told'
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
    if (this.#gone || socket.destroyed || socket.errored || this.#error !== undefined) return 'invalid'
    if (this.#end !== 'open' || socket.readableEnded || socket.writableEnded) return 'ended'
    if (this.#unread.length > 0 || socket.readableLength > 0) return 'unread'
    // Kept memory waits in somebody else's write queue: until it is free this connection cannot be read.
    if (socket.writableLength > 0 || this.#readBuffer?.kept) return 'unflushed'
    return undefined
  }

  /**
   * Writes a chunk; if it is on loan, without a copy where that can be, and the loan is kept until the kernel has the bytes. Returns
   * whether more may be written; after `false` the writer's `onFlushed` says so. A broken connection takes nothing, and asks for nothing.
   */
  write(chunk: Buffer, loan: Loan | undefined): boolean {
    const { socket } = this
    if (socket.destroyed || socket.errored) return false
    // A stream that is no socket may keep what it was given after it has called back, as a PassThrough does.
    const lends = loan !== undefined && this.copies && this.#borrowed === undefined
    const wantsMore = socket.write(loan !== undefined && !lends ? Buffer.from(chunk) : chunk)
    // Some streams take their time for every write, and tell of a drain only after a pause: what counts is what is left.
    if (socket.writableLength === 0) return true
    if (!lends) return wantsMore
    loan.keep()
    this.#borrowed = loan
    // Node tells of a drain only after it asked for a pause; memory on loan must be waited for in any case.
    if (wantsMore) socket.write(NOTHING, (error) => error || this.#onFlushed())
    return false
  }

  /** Sends FIN behind everything written. */
  finish(): void {
    const { socket } = this
    // While Node reads a burst of TLS records, end() throws away those that are still to be decrypted (seen on 20): a cut answer looks whole.
    if (socket instanceof TLSSocket) setImmediate(() => socket.end())
    else socket.end()
  }

  /** Waits until the kernel has taken everything written, at most `timeoutMs`. */
  async flushed(timeoutMs: number): Promise<void> {
    const { socket } = this
    if (socket.writableLength === 0 || socket.writableEnded || socket.destroyed || socket.errored) return
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
    if (this.#end === 'told') this.#end = 'seen'
    if (this.#gone) process.nextTick(() => this.#user === user && this.#tellClosed())
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
    while (this.#unread.length > 0) {
      const chunk = this.#unread.shift() as Buffer
      this.#unreadBytes -= chunk.length
      if (!reader.onData(chunk, undefined)) return
      if (this.#user?.reader !== reader) return
    }
    if (this.ended) return this.#tellEnd()
    if (this.#flowing || this.#gone) return
    this.#flowing = true
    // It is read on when its memory is free.
    if (this.#readBuffer?.kept) return
    // Only now: a 'data' listener without a reader would make the socket flow, and an unlistened one keeps its bytes.
    if (!this.#listening && this.#readBuffer === undefined) {
      this.#listening = true
      this.socket.on('data', RawConnection.#onData)
    }
    this.socket.resume()
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
   * Ends the connection so that the peer sees a reset, which a cut stream must look like. A unix socket, a TLS socket that Node
   * connected by itself and a plain Duplex know no reset: they are destroyed.
   */
  reset(): void {
    const { socket, tcp } = this
    // In the middle of shutdown(2) libuv refuses to reset, and the FIN is on its way.
    const shuttingDown = socket.writableEnded && !this.finished && socket.writableLength === 0
    if (tcp !== undefined && !tcp.connecting && !shuttingDown) tcp.resetAndDestroy()
    // What a Duplex has on its far side must not take it for a whole stream.
    this.#destroy(
      socket instanceof Socket ? undefined : new RelayError('ERR_RELAY_RESET', 'reset by the relay'),
    )
  }

  destroy(): void {
    this.#destroy(undefined)
  }

  #destroy(error: Error | undefined): void {
    this.#destroyed = true
    this.socket.destroy(error)
    // Node has closed the descriptor: nothing is read from the queue any more.
    this.#repay()
    if (this.#gone) process.nextTick(() => this.#tellClosed())
  }

  #receive(chunk: Buffer, loan: Loan | undefined): boolean {
    const reader = this.#user?.reader
    if (reader !== undefined && this.#flowing) {
      if (!reader.onData(chunk, loan)) this.#flowing = false
    } else {
      this.#unread.push(loan === undefined ? chunk : Buffer.from(chunk))
      this.#unreadBytes += chunk.length
    }
    return this.#flowing || (this.#readBuffer !== undefined && this.#unreadBytes < AHEAD_BYTES)
  }

  #onFlushed(): void {
    this.#repay()
    this.#user?.writer.onFlushed()
  }

  #repay(): void {
    const loan = this.#borrowed
    this.#borrowed = undefined
    loan?.end()
  }

  #onEnd(): void {
    if (this.#end !== 'open') return
    this.#end = 'asking'
    askForEnd(this.socket, this.tcp, () => this.#onFin())
  }

  #onFin(): void {
    if (this.#end !== 'asking') return
    this.#end = 'seen'
    // Thousands may end together.
    if (this.#unread.length === 0) inTurn(() => this.#tellEnd())
  }

  get #hasEndToTell(): boolean {
    return this.#end === 'seen' && !this.#destroyed
  }

  #tellEnd(): void {
    if (this.#end !== 'seen' || this.#user === undefined || this.#unread.length > 0) return
    this.#end = 'told'
    this.#user.reader.onEnd()
    if (this.#gone) this.#tellClosed()
  }

  #onClose(): void {
    this.#gone = true
    this.#readBuffer?.release()
    this.#repay()
    const { socket } = this
    // Its end was being looked into: an error is the answer, a close without one is that of a socket that has ended both ways.
    if (this.#end === 'asking') this.#end = this.#error === undefined ? 'seen' : 'open'
    if (socket instanceof RelaySocket && socket.finBeforeFailure) this.#end = 'seen'
    if (this.#hasEndToTell) inTurn(() => this.#tellEnd())
    this.#tellClosed()
  }

  #tellClosed(): void {
    if (!this.#gone || this.#hasEndToTell) return
    const user = this.#user
    // Nothing comes any more: a closed connection must not keep a session that has ended.
    this.#user = undefined
    user?.onClosed(this.#error)
  }
}
