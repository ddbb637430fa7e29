import { Socket } from 'node:net'

/**
 * A socket of ours, dialed or accepted, that reads with `onread`. When a write meets a reset, Node would destroy the socket at once,
 * and with it what the peer had sent before: this one first reads that to its end.
 *
 * ```text
 *   open ──── a write fails ───▶ reading the rest (`errored` is set, nothing more is written) ──── EOF, error ───▶ destroyed
 * ```
 *
 * It emits `writeFailure` then. Whoever has it must keep reading, or destroy it.
 */
export class RelaySocket extends Socket {
  #writeFailure: NodeJS.ErrnoException | undefined
  #finBeforeFailure = false

  /** Whether the peer had sent FIN before the write that failed; known when the socket is closed. */
  get finBeforeFailure(): boolean {
    return this.#finBeforeFailure
  }

  override destroy(error?: Error): this {
    if (this.#writeFailure !== undefined) return super.destroy(this.#writeFailure)
    if (!isWriteFailure(error) || this.destroyed || this.readableEnded) return super.destroy(error)
    this.#writeFailure = error
    this.emit('writeFailure')
    return this
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    const failure = this.#writeFailure
    if (chunk !== null || failure === undefined) return super.push(chunk, encoding)
    // The kernel says EPIPE, and not ECONNRESET, when a FIN had come before.
    this.#finBeforeFailure = failure.code === 'EPIPE'
    super.destroy(failure)
    return false
  }
}

function isWriteFailure(error: NodeJS.ErrnoException | undefined): error is NodeJS.ErrnoException {
  return error?.syscall === 'write' && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}
