import type { ConnectionReader, ConnectionWriter, RawConnection } from './raw-connection.js'

/** What a transfer tells the relay, which alone decides what one direction's end means for the other. */
export interface TransferObserver {
  /** Bytes moved, or the far side took what it was given. */
  onActivity(transfer: Transfer): void
  /** The source sent FIN; everything before it is on its way to the sink. */
  onSourceEnd(transfer: Transfer): void
  /** The sink took everything, our FIN included. */
  onSinkFinish(transfer: Transfer): void
}

/**
 * Copies one direction: what `source` sends is written to `sink`, in order, nothing kept back.
 *
 * ```text
 *   open ──── FIN from the source ───▶ ended ──── finish(): flushed, FIN to the sink ───▶ done
 * ```
 *
 * **Backpressure**: reading stops while the sink holds more than its high-water mark, or any memory lent by the source. So at most
 * one read (64 KiB) waits in the sink's queue on top of its high-water mark (16 KiB), and as much in the source's own buffer.
 */
export class Transfer implements ConnectionReader, ConnectionWriter {
  readonly source: RawConnection
  readonly sink: RawConnection
  readonly #observer: TransferObserver
  readonly #inspect: ((chunk: Buffer) => boolean) | undefined
  #stopped = false
  #written = 0
  #pending = 0
  #waiting = false
  #ended = false
  #done = false

  /** @param inspect - Sees each chunk before it is written; `false` keeps it, and stops the transfer. */
  constructor(
    source: RawConnection,
    sink: RawConnection,
    observer: TransferObserver,
    inspect?: (chunk: Buffer) => boolean,
  ) {
    this.#inspect = inspect
    this.source = source
    this.sink = sink
    this.#observer = observer
  }

  /** Bytes that the sink's kernel has taken. */
  get bytes(): number {
    return this.#written - this.#pending
  }

  /** Bytes received from the source. */
  get received(): number {
    return this.#written
  }

  /** The source's FIN was seen. */
  get ended(): boolean {
    return this.#ended
  }

  /** Everything was written, FIN included. */
  get done(): boolean {
    return this.#done
  }

  /** Reads no more; what was read is still written. */
  stop(): void {
    this.#stopped = true
    this.source.pause()
  }

  /** Sends the FIN on, behind everything written. */
  finish(): void {
    this.sink.socket.end()
  }

  /** Writes what the source left behind when it closed. */
  flushUnread(): void {
    for (const chunk of this.source.takeUnread()) this.onData(chunk, false)
  }

  onData(chunk: Buffer, lent: boolean): boolean {
    if (this.#inspect !== undefined && !this.#inspect(chunk)) return false
    const { socket } = this.sink
    this.#written += chunk.length
    // A stream that is no socket may keep what it was given after it has called back, as a PassThrough does.
    const lends = lent && this.sink.copies
    const wantsMore = socket.write(lent && !lends ? Buffer.from(chunk) : chunk)
    if (socket.writableLength === 0) {
      this.#pending = 0
    } else {
      this.#pending += chunk.length
      this.#waiting = lends || !wantsMore
      // Node tells of a drain only after it asked for a pause; lent memory must be waited for in any case.
      if (lends && wantsMore) socket.write(NOTHING, (error) => error || this.onFlushed())
    }
    this.#observer.onActivity(this)
    return !this.#waiting
  }

  onEnd(): void {
    this.#ended = true
    this.#observer.onSourceEnd(this)
  }

  onFlushed(): void {
    this.#pending = 0
    this.#observer.onActivity(this)
    this.#goOn()
  }

  onFinished(): void {
    this.#pending = 0
    this.#done = true
    this.#goOn()
    this.#observer.onSinkFinish(this)
  }

  #goOn(): void {
    if (!this.#waiting) return
    this.#waiting = false
    if (this.#stopped || this.#done) this.source.returnLent()
    else this.source.resume()
  }
}

const NOTHING = Buffer.alloc(0)
