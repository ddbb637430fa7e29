import type { CloseReason, RelayResult } from './close-reason.js'
import { delivered, undelivered } from './delivery.js'
import { RelayError, type Side } from './errors.js'
import type { ConnectionUser, RawConnection } from './raw-connection.js'
import { Transfer, type TransferObserver } from './transfer.js'

/** The endings and deadlines of a session; all of them given. */
export interface CopyPolicy {
  readonly halfClose: 'forward' | 'close'
  readonly lingerMs: number
  readonly idleTimeoutMs: number
  readonly maxDurationMs: number
}

/**
 * Two transfers, and what one's end means for the other.
 *
 * ```text
 *            first FIN                second FIN, both flushed
 *   open ───────────────▶ lingering ─────────────────────────────────────────────────▶ closed
 *    │ │                      │ │                                                         ▲
 *    │ └── reset, failure ────┴─┼──▶ closing: what was received is delivered, then ───────┤
 *    │                          │    the other side is reset, unless that stream was whole │
 *    └──── deadline, cut() ─────┴──▶ every side that was not sent a FIN is reset ──────────┘
 * ```
 *
 * It owns both connections from the start: it alone ends, resets or destroys them. `done` resolves when both are closed.
 */
export class TwoWayCopy implements TransferObserver {
  readonly done: Promise<RelayResult>
  readonly #policy: CopyPolicy
  readonly #startedAt: number
  readonly #up: Transfer
  readonly #down: Transfer
  #firstByteMs: number | undefined
  #reason: CloseReason | undefined
  #error: RelayError | undefined
  #firstEnd: Side | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #durationTimer: NodeJS.Timeout | undefined
  #halfIdleMs = 0
  #quiet = false
  #undelivered = 0
  #open = 2
  #resolve: (result: RelayResult) => void = () => {}

  constructor(
    client: RawConnection,
    upstream: RawConnection,
    policy: CopyPolicy,
    startedAt: number = performance.now(),
  ) {
    this.#policy = policy
    this.#startedAt = startedAt
    this.#up = new Transfer(client, upstream, this)
    this.#down = new Transfer(upstream, client, this)
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    client.attach(this.#user(this.#up, this.#down, 'client'))
    upstream.attach(this.#user(this.#down, this.#up, 'upstream'))
    if (policy.maxDurationMs > 0) {
      this.#durationTimer = setTimeout(() => this.cut('max-duration'), policy.maxDurationMs)
    }
    this.#watchIdle(policy.idleTimeoutMs)
    client.resume()
    upstream.resume()
  }

  /** Bytes so far, as handed to the far side's kernel. */
  get bytes(): { up: number; down: number } {
    return { up: this.#up.bytes, down: this.#down.bytes }
  }

  /** Ends the session now. A cut stream must not look whole: every side that was not sent a FIN is reset. */
  cut(reason: CloseReason, error?: RelayError): void {
    if (!this.#settle(reason, error)) return
    for (const { source } of [this.#up, this.#down]) {
      if (source.finished) source.destroy()
      else source.reset()
    }
  }

  onActivity(transfer: Transfer): void {
    if (this.#firstByteMs === undefined && transfer === this.#down) {
      this.#firstByteMs = performance.now() - this.#startedAt
    }
    this.#quiet = false
    this.#idleTimer?.refresh()
  }

  onSourceEnd(transfer: Transfer): void {
    if (this.#reason !== undefined) return
    this.#firstEnd ??= transfer === this.#up ? 'client' : 'upstream'
    if (this.#policy.halfClose === 'close') return this.#closeBoth()
    const { lingerMs, idleTimeoutMs } = this.#policy
    this.#watchIdle(
      lingerMs > 0 && idleTimeoutMs > 0 ? Math.min(lingerMs, idleTimeoutMs) : lingerMs || idleTimeoutMs,
    )
    transfer.finish()
  }

  onSinkFinish(): void {
    if (this.#reason !== undefined || !this.#up.done || !this.#down.done) return
    this.#settle(this.#firstEnd === 'upstream' ? 'upstream-end' : 'client-end')
    this.#up.source.destroy()
    this.#down.source.destroy()
  }

  #user(reader: Transfer, writer: Transfer, side: Side): ConnectionUser {
    return { reader, writer, onClosed: (error) => this.#onClosed(side, reader, error) }
  }

  #onClosed(side: Side, fromIt: Transfer, error: Error | undefined): void {
    this.#open--
    if (this.#settle(...closing(side, error))) void this.#endOther(fromIt)
    if (this.#open === 0) this.#finish()
  }

  // One side is gone without having said all: what it did say is delivered, then the other learns how it ended.
  async #endOther(transfer: Transfer): Promise<void> {
    const other = transfer.sink
    if (other.closed) return
    if (!transfer.ended) transfer.flushUnread()
    this.#discardInput(transfer)
    await delivered(other, this.#policy.lingerMs)
    // After its FIN the stream that was relayed is whole, and must not end in a reset.
    if (transfer.ended) other.destroy()
    else other.reset()
  }

  // The first end closes both, after what was received has been flushed.
  #closeBoth(): void {
    this.#settle(this.#firstEnd === 'upstream' ? 'upstream-end' : 'client-end')
    for (const transfer of [this.#up, this.#down]) {
      transfer.source.pause()
      transfer.flushUnread()
      transfer.finish()
    }
    for (const transfer of [this.#up, this.#down]) {
      this.#discardInput(transfer)
      void delivered(transfer.sink, this.#policy.lingerMs).then(() => transfer.sink.destroy())
    }
  }

  // The peer must be able to finish its writing, or it may never come to read what is on its way to it.
  #discardInput(transfer: Transfer): void {
    const connection = transfer.sink
    connection.attach({
      reader: { onData: () => true, onEnd: () => {} },
      writer: transfer,
      onClosed: () => {
        if (--this.#open === 0) this.#finish()
      },
    })
    connection.resume()
  }

  /** The first one to say why the session ends is right. */
  #settle(reason: CloseReason, error?: RelayError): boolean {
    if (this.#reason !== undefined) return false
    this.#reason = reason
    this.#error = error
    clearTimeout(this.#idleTimer)
    clearTimeout(this.#durationTimer)
    // A cleared timer would start again at its next refresh().
    this.#idleTimer = undefined
    return true
  }

  #finish(): void {
    this.#resolve({
      reason: this.#reason as CloseReason,
      ...(this.#error && { error: this.#error }),
      up: { bytes: this.#up.bytes },
      down: { bytes: this.#down.bytes },
      durationMs: performance.now() - this.#startedAt,
      ...(this.#firstByteMs !== undefined && { firstByteMs: this.#firstByteMs }),
    })
  }

  // The timer runs twice as fast as the timeout: at the half of a quiet time it notes what is still on its way, at the end it
  // compares. A slow peer that takes what the kernel holds for it is not idle, though no byte passes through us.
  #watchIdle(timeoutMs: number): void {
    clearTimeout(this.#idleTimer)
    this.#quiet = false
    this.#halfIdleMs = timeoutMs / 2
    this.#idleTimer = timeoutMs > 0 ? setTimeout(() => void this.#onQuiet(), this.#halfIdleMs) : undefined
  }

  async #onQuiet(): Promise<void> {
    const timer = this.#idleTimer
    const wasQuiet = this.#quiet
    this.#quiet = true
    const [up, down] = await Promise.all([undelivered(this.#up.sink), undelivered(this.#down.sink)])
    if (this.#idleTimer !== timer || this.#reason !== undefined || !this.#quiet) return
    const progress = up + down !== this.#undelivered
    this.#undelivered = up + down
    if (wasQuiet && !progress) this.cut(this.#firstEnd === undefined ? 'idle-timeout' : 'linger-timeout')
    else timer?.refresh()
  }
}

function closing(side: Side, error: Error | undefined): [CloseReason, RelayError] {
  if (error === undefined) {
    return [
      `${side}-error`,
      new RelayError('ERR_RELAY_PREMATURE_CLOSE', `the ${side}'s socket was destroyed`, {
        side,
        phase: 'transfer',
      }),
    ]
  }
  const code = 'code' in error ? error.code : undefined
  // EPIPE: the reset came before, and our write found it.
  return code === 'ECONNRESET' || code === 'EPIPE'
    ? [
        `${side}-reset`,
        new RelayError('ERR_RELAY_RESET', `the ${side} reset the connection`, {
          side,
          phase: 'transfer',
          cause: error,
        }),
      ]
    : [
        `${side}-error`,
        new RelayError('ERR_RELAY_PEER', `the ${side}'s connection failed: ${error.message}`, {
          side,
          phase: 'transfer',
          cause: error,
        }),
      ]
}
