import { type CloseReason, type RelayResult, reasonOfClose } from './close-reason.js'
import { Deadlines } from './deadlines.js'
import { delivered, deliveredSoon } from './delivery.js'
import { RelayError, type Side } from './errors.js'
import type { LeaseUse } from './lease-use.js'
import { answersArrived } from './outstanding-answers.js'
import type { ConnectionReader, ConnectionUser, RawConnection } from './raw-connection.js'
import { Transfer, type TransferObserver } from './transfer.js'
import { turn } from './turn-share.js'

/** The endings and deadlines of a session; all of them given. */
export interface CopyPolicy {
  readonly halfClose: 'forward' | 'close'
  readonly lingerMs: number
  readonly idleTimeoutMs: number
  readonly maxDurationMs: number
}

/** The upstream was stale and nothing has reached the client: it is unharmed, and waits for another upstream. */
export const STALE: unique symbol = Symbol('stale')

const MAX_TIMER_MS = 2 ** 31 - 1

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
 * With a lease that can be shared the client's FIN is withheld until the lease says what to do: give the upstream back, wait for
 * outstanding answers, or forward the FIN, which spends the connection.
 *
 * It owns both connections from the start: it alone ends, resets, destroys them or gives them back. `done` resolves when it owns
 * neither any more.
 */
export class TwoWayCopy implements TransferObserver {
  readonly done: Promise<RelayResult | typeof STALE>
  readonly #policy: CopyPolicy
  readonly #startedAt: number
  readonly #up: Transfer
  readonly #down: Transfer
  readonly #use: LeaseUse | undefined
  readonly #deadlines: Deadlines
  #firstByteMs: number | undefined
  #reason: CloseReason | undefined
  #error: RelayError | undefined
  #firstEnd: Side | undefined
  #withheldFin = false
  #returning = false
  #owned = 2
  #released: Promise<void> | undefined
  #resolve: (result: RelayResult | typeof STALE) => void = () => {}

  constructor(
    client: RawConnection,
    upstream: RawConnection,
    policy: CopyPolicy,
    options: { readonly startedAt?: number; readonly use?: LeaseUse | undefined } = {},
  ) {
    const { use } = options
    this.#use = use
    this.#policy = use?.lease.trusted ? { ...policy, halfClose: 'close' } : policy
    this.#startedAt = options.startedAt ?? performance.now()
    const watched = use?.watches ? use : undefined
    this.#up = new Transfer(client, upstream, this, watched && ((chunk) => watched.up(chunk)))
    this.#down = new Transfer(
      upstream,
      client,
      this,
      watched && ((chunk) => watched.down(chunk) || this.#onForeign()),
    )
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#deadlines = new Deadlines(
      [client, upstream],
      policy.maxDurationMs,
      () => this.cut(this.#firstEnd === undefined ? 'idle-timeout' : 'linger-timeout'),
      () => this.cut('max-duration'),
    )
    this.#deadlines.watchQuiet(policy.idleTimeoutMs)
    client.attach(this.#user('client', this.#up, this.#down))
    upstream.attach(this.#user('upstream', this.#down, this.#up))
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
    const { source: client, sink: upstream } = this.#up
    const connections =
      this.#use?.afterClientReset() === 'give-back' && !upstream.closed ? [client] : [client, upstream]
    for (const connection of connections) {
      if (connection.finished) connection.destroy()
      else connection.reset()
    }
    if (connections.length === 1) this.#giveBack()
  }

  onActivity(transfer: Transfer): void {
    if (this.#firstByteMs === undefined && transfer === this.#down) {
      this.#firstByteMs = performance.now() - this.#startedAt
    }
    this.#deadlines.activity()
    if (this.#withheldFin) this.#decideOnFin()
  }

  onSourceEnd(transfer: Transfer): void {
    if (this.#reason !== undefined) return
    if (transfer === this.#down && this.#replace()) return
    this.#firstEnd ??= transfer === this.#up ? 'client' : 'upstream'
    if (
      this.#policy.halfClose === 'close' &&
      (transfer === this.#down || this.#use?.lease.proof === undefined)
    ) {
      return this.#closeBoth()
    }
    const { lingerMs, idleTimeoutMs } = this.#policy
    this.#deadlines.watchQuiet(
      lingerMs > 0 && idleTimeoutMs > 0 ? Math.min(lingerMs, idleTimeoutMs) : lingerMs || idleTimeoutMs,
    )
    if (transfer === this.#down) {
      this.#forwardWithheldFin()
      transfer.finish()
    } else if (this.#use?.lease.proof === undefined || this.#down.ended) {
      transfer.finish()
    } else {
      this.#withheldFin = true
      this.#decideOnFin()
    }
  }

  onSinkFinish(transfer: Transfer): void {
    if (this.#reason !== undefined) return void this.#returnFlushed()
    const returning = this.#withheldFin && transfer === this.#down
    if (!returning && !(this.#up.done && this.#down.done)) return
    this.#settle(this.#firstEnd === 'upstream' ? 'upstream-end' : 'client-end')
    this.#up.source.destroy()
    // The client has it all. If the upstream has gone astray since the decision, its lender will see that.
    if (returning) this.#giveBack()
    else this.#down.source.destroy()
  }

  // ─── the client's FIN on a lease that can be shared ───

  #decideOnFin(): void {
    const verdict = this.#use?.afterClientFin()
    if (verdict === 'wait' || this.#down.sink.socket.writableEnded) return
    if (verdict === 'spend') return this.#forwardWithheldFin()
    this.#down.stop()
    this.#down.finish()
  }

  #forwardWithheldFin(): void {
    if (!this.#withheldFin) return
    this.#withheldFin = false
    this.#up.finish()
  }

  #giveBack(): void {
    const { source: client, sink: upstream } = this.#up
    // A client that is gone takes nothing any more of what was lent to it.
    if (client.socket.destroyed) upstream.returnLent()
    upstream.detach()
    this.#released = this.#use?.lease.release()
    this.#disown()
  }

  /** Whether the session can go on with another upstream; the client is as it was, then. */
  #replace(): boolean {
    const replay = this.#use?.replay
    if (replay === undefined) return false
    this.#settle('upstream-end')
    const { source: client, sink: upstream } = this.#up
    client.detach()
    upstream.detach()
    for (const chunk of [...replay].reverse()) client.unread(chunk)
    this.#use?.lease.discard()
    this.#resolve(STALE)
    return true
  }

  #onForeign(): false {
    if (!this.#replace()) {
      const message = 'the upstream sent bytes that answer no request of this session'
      this.cut(
        'upstream-error',
        new RelayError('ERR_RELAY_FOREIGN_BYTES', message, { side: 'upstream', phase: 'transfer' }),
      )
    }
    return false
  }

  // ─── one side is gone ───

  #user(side: Side, reader: Transfer, writer: Transfer): ConnectionUser {
    return { reader, writer, onClosed: (error) => this.#onClosed(side, reader, writer, error) }
  }

  #onClosed(side: Side, fromIt: Transfer, intoIt: Transfer, error: Error | undefined): void {
    if (this.#reason === undefined && side === 'upstream' && this.#replace()) return
    // It said all and heard all: a socket that has ended both ways closes itself, while the other may still be taking it in.
    if (error === undefined && fromIt.ended && intoIt.done) return this.#disown()
    if (this.#reason === undefined && this.#settle(...reasonOfClose(side, error)) && !fromIt.sink.closed) {
      const verdict = side === 'client' ? this.#use?.afterClientReset() : 'spend'
      if (verdict === 'give-back') this.#giveBack()
      else if (verdict === 'wait' && this.#use) void this.#awaitAnswers(fromIt, this.#use)
      else void this.#endOther(fromIt)
    }
    this.#disown()
  }

  // It said less than all: what it did say is delivered, then the other learns how it ended.
  async #endOther(transfer: Transfer): Promise<void> {
    const other = transfer.sink
    if (!transfer.ended) transfer.flushUnread()
    this.#disownClosed(transfer)
    other.pause()
    // What it goes on sending has nobody to go to; it is read only while it may have to be, for the peer to come to its own reading.
    if (transfer.received > 0 && !(await deliveredSoon(other))) {
      this.#discardInput(transfer)
      await delivered(other, this.#policy.lingerMs)
    }
    await turn()
    // After its FIN the stream that was relayed is whole, and must not end in a reset.
    if (transfer.ended) other.destroy()
    else other.reset()
  }

  // The first end closes both, after what was received has been flushed.
  #closeBoth(): void {
    const giveBack = this.#firstEnd === 'client' && this.#use?.lease.trusted
    this.#settle(this.#firstEnd === 'upstream' ? 'upstream-end' : 'client-end')
    for (const transfer of [this.#up, this.#down]) {
      transfer.stop()
      transfer.flushUnread()
      if (giveBack && transfer === this.#up) continue
      transfer.finish()
      this.#discardInput(transfer)
    }
    this.#returning = giveBack === true
    void this.#destroyDelivered(this.#down.sink).then(() => this.#returnFlushed())
    if (!giveBack) void this.#destroyDelivered(this.#up.sink)
  }

  async #destroyDelivered(connection: RawConnection): Promise<void> {
    await delivered(connection, this.#policy.lingerMs)
    connection.destroy()
  }

  // The client's kernel has all that was lent to it, or the client is gone.
  async #returnFlushed(): Promise<void> {
    const upstream = this.#up.sink
    if (!this.#returning || !(this.#down.done || this.#down.sink.closed)) return
    this.#returning = false
    await upstream.flushed(this.#policy.lingerMs || MAX_TIMER_MS)
    if (!upstream.closed) this.#giveBack()
  }

  // The client left with answers outstanding: they are thrown away, and the connection is good again when all have come.
  async #awaitAnswers(transfer: Transfer, use: LeaseUse): Promise<void> {
    const good = await answersArrived(use, (reader) => this.#discardInput(transfer, reader))
    if (transfer.sink.closed) return
    if (good && !transfer.sink.ended) this.#giveBack()
    else void this.#endOther(transfer)
  }

  // The peer must be able to finish its writing, or it may never come to read what is on its way to it.
  #discardInput(
    transfer: Transfer,
    reader: ConnectionReader = { onData: () => true, onEnd: () => {} },
  ): void {
    this.#disownClosed(transfer, reader)
    transfer.sink.resume()
  }

  // From here on its closing is the end of it, and no news.
  #disownClosed(
    transfer: Transfer,
    reader: ConnectionReader = { onData: () => true, onEnd: () => {} },
  ): void {
    transfer.sink.attach({ reader, writer: transfer, onClosed: () => this.#disown() })
  }

  // ─── the end ───

  /** The first one to say why the session ends is right. */
  #settle(reason: CloseReason, error?: RelayError): boolean {
    if (this.#reason !== undefined) return false
    this.#reason = reason
    this.#error = error
    this.#deadlines.stop()
    return true
  }

  #disown(): void {
    if (--this.#owned === 0) void this.#finish()
  }

  async #finish(): Promise<void> {
    const result = {
      reason: this.#reason as CloseReason,
      ...(this.#error && { error: this.#error }),
      up: { bytes: this.#up.bytes },
      down: { bytes: this.#down.bytes },
      durationMs: performance.now() - this.#startedAt,
      ...(this.#firstByteMs !== undefined && { firstByteMs: this.#firstByteMs }),
    }
    if (this.#released === undefined) this.#use?.lease.discard(this.#error)
    else await this.#released
    this.#resolve(result)
  }
}
