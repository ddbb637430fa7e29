import { addAbortListener } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { RelayError } from './errors.js'
import { Holds } from './holds.js'
import { anything, boolean, checkOptions, milliseconds, signal as signalCheck } from './options.js'
import { type ConnectionUser, RawConnection } from './raw-connection.js'
import { containedProof, type ReuseProof } from './reuse-proof.js'

/** Whether the raw socket is good for another lease: not known yet, proven by a read or a flushed write, or spoiled. */
export type Validity = 'unknown' | 'valid' | 'invalid'

/** Why a connection can be used again, or why it can't. */
export type InterruptWhy = 'reusable' | 'invalid' | 'ended' | 'unread' | 'unflushed' | 'in-use'

/** What {@link GuardedSocket.interrupt} leaves behind. */
export interface InterruptResult {
  readonly validity: Validity
  readonly reusable: boolean
  readonly why: InterruptWhy
}

export interface InterruptOptions {
  /** The error of a pending reader or writer: its `cause`. */
  readonly reason?: unknown
  /**
   * How long the chunk in flight may take to reach the kernel.
   * @default 1_000
   */
  readonly flushMs?: number | undefined
  /**
   * How long those who `retain`ed the guard may take to let go.
   * @default 1_000
   */
  readonly graceMs?: number | undefined
}

export interface GuardedSocketOptions {
  /** Aborting it interrupts the guard, which then fails with an `AbortError`. */
  readonly signal?: AbortSignal | undefined
  /**
   * Whether destroying the guard destroys the raw socket.
   * @default true
   */
  readonly autoDestroyRaw?: boolean | undefined
  /** Sees every byte of this lease, on the raw socket's side. */
  readonly observe?: ReuseProof | undefined
  /**
   * Whether the connection served somebody before: then what `observe` takes for no answer is never delivered, and destroys the
   * guard with `ERR_RELAY_FOREIGN_BYTES`.
   * @default false
   */
  readonly reused?: boolean | undefined
}

// Small enough to be flushed soon when the lease ends, large enough to cost nothing.
const SLICE_BYTES = 64 * 1024

/**
 * One lease of one raw socket: a Duplex that can be ended while the socket lives on.
 *
 * ```text
 *   leased ──── interrupt(), signal ───▶ ending ──── users gone, chunk in flight flushed ───▶ ended     the raw socket lives
 *      │                                                                                        ▲
 *      └─────── destroy(), error, both directions ended ────────────────────────────────────────┘     it is destroyed with it
 * ```
 *
 * A raw socket has many leases, one after another. **Fails** with `ERR_RELAY_LEASED` while it has one. After its lease a guard is
 * inert: what is written to it then reaches nobody.
 */
export class GuardedSocket extends Duplex {
  /** For addresses and options; reading or writing it goes around the guard. */
  readonly raw: Socket
  readonly #connection: RawConnection
  #autoDestroyRaw: boolean
  readonly #proof: ReuseProof | undefined
  readonly #reused: boolean
  readonly #removeAbortListener: Disposable | undefined
  #validity: Validity = 'unknown'
  #bytesRead = 0
  #bytesWritten = 0
  readonly #users = new Holds()
  // Its callback, and not the state of the socket, tells whether the slice was the whole of its chunk.
  readonly #slice = new Holds()
  #onFinish: (() => void) | undefined
  #ending: Promise<InterruptResult> | undefined
  #interrupted = false

  readonly #user: ConnectionUser = {
    reader: {
      onData: (chunk, loan) => this.#onData(chunk, loan !== undefined),
      onEnd: () => {
        this.#validity = 'invalid'
        this.push(null)
      },
    },
    writer: { onFlushed: () => {}, onFinished: () => this.#onFinish?.() },
    onClosed: (error) => void this.destroy(error),
  }

  constructor(raw: Socket, options: GuardedSocketOptions = {}) {
    checkOptions('GuardedSocket', options, {
      signal: signalCheck,
      autoDestroyRaw: boolean,
      observe: anything,
      reused: boolean,
    })
    const connection = RawConnection.of(raw)
    if (connection.inUse) throw new RelayError('ERR_RELAY_LEASED', 'the socket is leased already')
    super({ allowHalfOpen: true, highWaterMark: 16 * 1024 })
    this.raw = raw
    this.#connection = connection
    this.#autoDestroyRaw = options.autoDestroyRaw ?? true
    this.#proof = options.observe && containedProof(options.observe)
    this.#reused = options.reused ?? false
    connection.attach(this.#user)
    const { signal } = options
    if (signal !== undefined)
      this.#removeAbortListener = addAbortListener(signal, () => this.#abort(signal.reason))
  }

  /** Whether the raw socket is good for another lease, as far as this one has seen. */
  get validity(): Validity {
    return this.#validity
  }

  /** Whether a proof observes this lease. */
  get observed(): boolean {
    return this.#proof !== undefined
  }

  /** Bytes received in this lease. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes of this lease that the kernel has taken. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** One more user, for whom `interrupt()` waits. Call what it returns when done; more than once does no harm. */
  retain(): () => void {
    return this.#users.take()
  }

  /**
   * Ends the lease and keeps the raw socket: the deadline in the past of a blocked copy. The guard closes without `'error'`; a
   * pipeline or an iterator that waits for it fails as for any premature close.
   *
   * **Ends** when every retained user has let go and the chunk in flight has reached the kernel, or their time is over. Later calls
   * give the same promise. No byte is lost: what was received and not consumed waits for the next lease.
   */
  interrupt(options: InterruptOptions = {}): Promise<InterruptResult> {
    checkOptions('interrupt', options, { reason: anything, flushMs: milliseconds, graceMs: milliseconds })
    this.#ending ??= this.#end(options, undefined)
    return this.#ending
  }

  /** @internal The raw socket is in nobody else's hands any more: it ends with the guard. */
  adoptRaw(): void {
    this.#connection.owned = false
    this.#autoDestroyRaw = true
  }

  override _read(): void {
    if (!this.#interrupted) this.#connection.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#writeSlice(chunk, 0, callback)
  }

  override _final(callback: () => void): void {
    this.#validity = 'invalid'
    this.#onFinish = callback
    this.#connection.finish()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#removeAbortListener?.[Symbol.dispose]()
    if (!this.#interrupted) {
      this.#validity = 'invalid'
      this.#ending = Promise.resolve({ validity: 'invalid', reusable: false, why: 'invalid' })
      this.#leave()
      if (this.#autoDestroyRaw) this.raw.destroy()
    }
    callback(error)
  }

  #onData(chunk: Buffer, lent: boolean): boolean {
    if (this.#proof !== undefined && !this.#proof.down(chunk) && this.#reused) {
      // Bytes that answer nothing this lease has asked were meant for somebody before it.
      const message = 'the upstream sent bytes that answer no request'
      this.destroy(new RelayError('ERR_RELAY_FOREIGN_BYTES', message))
      return false
    }
    this.#bytesRead += chunk.length
    if (this.#validity === 'unknown') this.#validity = 'valid'
    return this.push(lent ? Buffer.from(chunk) : chunk)
  }

  // One slice in flight: nothing that was given to a socket can be taken back.
  #writeSlice(chunk: Buffer, start: number, callback: (error?: Error | null) => void): void {
    const end = Math.min(start + SLICE_BYTES, chunk.length)
    const slice = chunk.subarray(start, end)
    this.#proof?.up(slice)
    const written = this.#slice.take()
    this.#connection.socket.write(slice, (error) => {
      written()
      // Node 20 calls back without an error for a write that was lost with its socket.
      if (error || this.raw.destroyed) {
        this.#validity = 'invalid'
        return callback(error ?? new RelayError('ERR_RELAY_PREMATURE_CLOSE', 'the socket was destroyed'))
      }
      this.#bytesWritten += slice.length
      if (this.#validity === 'unknown') this.#validity = 'valid'
      if (end === chunk.length) return callback()
      if (!this.destroyed) return this.#writeSlice(chunk, end, callback)
      // The rest of the chunk is dropped, so what was sent of it ends in the middle.
      this.#validity = 'invalid'
      callback(new RelayError('ERR_RELAY_PREMATURE_CLOSE', 'the lease ended in the middle of a write'))
    })
  }

  #abort(cause: unknown): void {
    const error = Object.assign(new Error('The lease was aborted', { cause }), {
      name: 'AbortError',
      code: 'ABORT_ERR',
    })
    this.#ending ??= this.#end({}, error)
  }

  async #end(
    { flushMs = 1_000, graceMs = 1_000 }: InterruptOptions,
    error: Error | undefined,
  ): Promise<InterruptResult> {
    const connection = this.#connection
    this.#interrupted = true
    connection.pause()
    const unread = this.#takeUnread()
    this.destroy(error)
    for (const chunk of unread.reverse()) connection.unread(chunk)
    await Promise.all([this.#slice.free(flushMs), this.#users.free(graceMs)])
    const why = this.#judge()
    this.#leave()
    return { validity: this.#validity, reusable: why === 'reusable', why }
  }

  #judge(): InterruptWhy {
    const { unfit } = this.#connection
    if (unfit === 'invalid' || unfit === 'ended') this.#validity = 'invalid'
    if (unfit !== undefined) return unfit
    if (this.#validity === 'invalid' || this.#proof?.state === 'tainted') return 'invalid'
    return this.#users.held ? 'in-use' : 'reusable'
  }

  #takeUnread(): Buffer[] {
    const chunks: Buffer[] = []
    // read() emits 'data' too, and nobody may take these bytes any more.
    this.removeAllListeners('data')
    for (let chunk = this.read(); chunk !== null; chunk = this.read()) {
      // After setEncoding() the bytes can't be told from the text.
      if (typeof chunk === 'string') this.#validity = 'invalid'
      else chunks.push(chunk)
    }
    return chunks
  }

  #leave(): void {
    if (this.#connection.owned) this.#connection.detach()
    else this.#connection.restore()
  }
}
