import type { ConnectionReader, ConnectionWriter, RawConnection } from './raw-connection.js'
import type { Loan } from './read-buffer.js'
import type { StagePipeline } from './stage-pipeline.js'

/** What a transfer tells the relay, which alone decides what one direction's end means for the other. */
export interface TransferObserver {
  /** Bytes moved, or the far side took what it was given. */
  onActivity(transfer: Transfer): void
  /** The source sent FIN; everything before it is on its way to the sink. */
  onSourceEnd(transfer: Transfer): void
  /** The sink took everything, our FIN included. */
  onSinkFinish(transfer: Transfer): void
  /** The sink takes nothing more; what it has sent still comes. */
  onSinkFailed(transfer: Transfer): void
}

/** What sees the bytes of a transfer where they pass on a wire, and what changes them in between. */
export interface TransferOptions {
  /** Sees each chunk as the source sent it; `false` keeps it, and stops the transfer. */
  readonly onRead?: ((chunk: Buffer) => boolean) | undefined
  /** Sees each chunk before the sink gets it, and returns what it gets of it; `undefined` keeps all, and stops the transfer. */
  readonly onWrite?: ((chunk: Buffer) => Buffer | undefined) | undefined
  readonly stages?: StagePipeline | undefined
}

/**
 * Copies one direction: what `source` sends is written to `sink`, in order, nothing kept back but what stages keep.
 *
 * ```text
 *   open ──── FIN from the source ───▶ ended ──── flush(): the stages ───▶ flushed ──── finish(): FIN to the sink ───▶ done
 * ```
 *
 * **Backpressure**: reading stops while the sink holds more than its high-water mark, or any memory on loan from the source. So at most
 * one read waits in the sink's queue on top of its high-water mark (16 KiB), and as much in the source's own buffer: 64 KiB, or 144 KiB
 * for the 64 busiest connections of the process.
 */
export class Transfer implements ConnectionReader, ConnectionWriter {
  readonly direct: boolean
  readonly source: RawConnection
  readonly sink: RawConnection
  readonly #observer: TransferObserver
  readonly #onRead: ((chunk: Buffer) => boolean) | undefined
  readonly #onWrite: ((chunk: Buffer) => Buffer | undefined) | undefined
  readonly #stages: StagePipeline | undefined
  #onStagesEnd: (() => void)[] = []
  #stopped = false
  #written = 0
  #pending = 0
  #waiting = false
  #ended = false
  #done = false

  constructor(
    source: RawConnection,
    sink: RawConnection,
    observer: TransferObserver,
    options: TransferOptions = {},
  ) {
    this.source = source
    this.sink = sink
    this.#observer = observer
    this.#onRead = options.onRead
    this.#onWrite = options.onWrite
    this.#stages = options.stages
    this.direct = options.stages === undefined && sink.copies
  }

  /** Bytes that the sink's kernel has taken. */
  get bytes(): number {
    const { destroyed, writableLength } = this.sink.socket
    // Of what was pending when a socket was destroyed nobody knows; while it lives it says so itself.
    return this.#written - (destroyed ? this.#pending : Math.min(this.#pending, writableLength))
  }

  /** Bytes written to the sink, whether its kernel has taken them or not. */
  get written(): number {
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

  /** Whether stages are on the way. */
  get staged(): boolean {
    return this.#stages !== undefined
  }

  /** Writes what was sent to an upstream that proved stale; then, what the stages have held since. */
  start(replay: readonly Buffer[] = []): void {
    for (const chunk of replay) this.deliver(chunk)
    this.#stages?.attach({
      write: (chunk) => this.deliver(chunk),
      end: () => this.#onFlushedStages(),
      onRoom: () => this.#stopped || this.source.resume(),
    })
    // The one before it may have taken no more.
    if (!this.#waiting) this.#stages?.resume()
  }

  /** Reads no more; what was read is still written. */
  stop(): void {
    this.#stopped = true
    this.source.pause()
  }

  /** Ends what the stages get; `then` is called when all they had is written. At once, if there are none. */
  flush(then: () => void): void {
    if (this.#stages === undefined || this.#stages.ended) return then()
    this.#onStagesEnd.push(then)
    this.#stages.end()
  }

  /** Nobody is there to take what the stages give. */
  abandon(): void {
    this.#stages?.destroy()
  }

  /** Sends the FIN on, behind everything written. */
  finish(): void {
    this.sink.finish()
  }

  /** Writes what the source left behind when it closed. */
  flushUnread(): void {
    for (const chunk of this.source.takeUnread()) this.onData(chunk, undefined)
  }

  onData(chunk: Buffer, loan: Loan | undefined): boolean {
    if (this.#onRead !== undefined && !this.#onRead(chunk)) return false
    return this.say(chunk, loan)
  }

  /** Takes a chunk as if the source had sent it, but asks nobody. */
  say(chunk: Buffer, loan?: Loan): boolean {
    if (this.#stages === undefined) return this.deliver(chunk, loan)
    // A stage may keep what it is given.
    const more = this.#stages.write(loan === undefined ? chunk : Buffer.from(chunk))
    this.#observer.onActivity(this)
    return more
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

  onFailed(): void {
    this.#observer.onSinkFailed(this)
  }

  /** Hands a chunk to the sink, behind everything the stages have given. */
  deliver(given: Buffer, loan?: Loan): boolean {
    const chunk = this.#onWrite === undefined ? given : this.#onWrite(given)
    if (chunk === undefined) return false
    if (chunk.length === 0 && given.length > 0) {
      this.#observer.onActivity(this)
      return !this.#waiting
    }
    const { socket } = this.sink
    // Broken: it says so soon, and takes nothing until then.
    if (socket.destroyed || socket.errored) {
      this.#waiting = true
      return false
    }
    const more = this.sink.write(chunk, loan)
    this.#written += chunk.length
    this.#pending = Math.min(this.#pending + chunk.length, socket.writableLength)
    if (!more) this.#waiting = true
    this.#observer.onActivity(this)
    return !this.#waiting
  }

  #onFlushedStages(): void {
    for (const then of this.#onStagesEnd.splice(0)) then()
  }

  #goOn(): void {
    if (!this.#waiting) return
    this.#waiting = false
    if (this.#stages !== undefined) this.#stages.resume()
    else if (!this.#stopped && !this.#done) this.source.resume()
  }
}
