import { type CloseReason, type RelayResult, reasonOfClose } from './close-reason.js'
import { contain } from './contain.js'
import { Deadlines } from './deadlines.js'
import { delivered, deliveredSoon } from './delivery.js'
import { RelayError, type Side } from './errors.js'
import type { AfterClient, LeaseUse } from './lease-use.js'
import { answersArrived } from './outstanding-answers.js'
import type { ConnectionReader, ConnectionUser, RawConnection } from './raw-connection.js'
import { release } from './release-lease.js'
import type { SessionStages, StagesUser } from './session-stages.js'
import { stageError } from './stage-error.js'
import type { StageRef } from './stage-pipeline.js'
import { Transfer, type TransferObserver } from './transfer.js'
import { inTurn } from './turn-share.js'

/** The endings and deadlines of a session; all of them given. */
export interface CopyPolicy {
  readonly halfClose: 'forward' | 'close'
  readonly lingerMs: number
  readonly idleTimeoutMs: number
  readonly maxDurationMs: number
}

/** What a copy may have beside its two connections. */
export interface CopyOptions {
  /** When the session started, by `performance.now()`. @default now */
  readonly startedAt?: number | undefined
  readonly use?: LeaseUse | undefined
  readonly stages?: SessionStages | undefined
  /** What an upstream that proved stale was sent, for this one to get first. */
  readonly replay?: readonly Buffer[] | undefined
}

/** The upstream was stale and nothing has reached the client: it is unharmed, and waits for another upstream. */
export const STALE: unique symbol = Symbol('stale')

const NOTHING = Buffer.alloc(0)
const MAX_TIMER_MS = 2 ** 31 - 1
// Who ends with its client closes at its FIN; who does not is reset.
const FIN_ANSWER_MS = 1_000

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
 * outstanding answers, or forward the FIN, which spends the connection. So is the client's goodbye, by which it leaves without a FIN.
 *
 * It owns both connections from the start: it alone ends, resets, destroys them or gives them back. `done` resolves when it owns
 * neither any more.
 */
export class TwoWayCopy implements TransferObserver, StagesUser {
  readonly done: Promise<RelayResult | typeof STALE>
  readonly #policy: CopyPolicy
  readonly #startedAt: number
  readonly #up: Transfer
  readonly #down: Transfer
  readonly #use: LeaseUse | undefined
  readonly #stages: SessionStages | undefined
  readonly #deadlines: Deadlines
  #firstByteMs: number | undefined
  #reason: CloseReason | undefined
  #error: RelayError | undefined
  #stage: StageRef | undefined
  #firstEnd: Side | undefined
  /** A side that a write found to be reset, while what it had sent before is still read. */
  #reset: RawConnection | undefined
  #withheldFin = false
  #leaving = false
  #returning = false
  #owned = 2
  #released: Promise<void> | undefined
  #stopWaiting: (() => void) | undefined
  #resolve: (result: RelayResult | typeof STALE) => void = () => {}

  constructor(client: RawConnection, upstream: RawConnection, policy: CopyPolicy, options: CopyOptions = {}) {
    const { use, stages } = options
    this.#use = use
    this.#stages = stages
    this.#policy = use?.trusted ? { ...policy, halfClose: 'close' } : policy
    this.#startedAt = options.startedAt ?? performance.now()
    const watched = use?.watches ? use : undefined
    this.#up = new Transfer(client, upstream, this, {
      onWrite: watched && ((chunk) => this.#onWrite(watched, chunk)),
      stages: stages?.up,
    })
    this.#down = new Transfer(upstream, client, this, {
      onRead: watched && ((chunk) => watched.down(chunk) || this.#onForeign()),
      stages: stages?.down,
    })
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#deadlines = new Deadlines(
      [client, upstream],
      { maxDurationMs: policy.maxDurationMs, startedAt: this.#startedAt },
      () => this.#onQuiet(),
      () => this.cut('max-duration'),
    )
    this.#deadlines.watchQuiet(policy.idleTimeoutMs)
    client.attach(this.#user('client', this.#up, this.#down))
    upstream.attach(this.#user('upstream', this.#down, this.#up))
    stages?.attach(this)
    this.#refuseEnded('client', client)
    this.#refuseEnded('upstream', upstream)
    if (this.#reason === undefined) this.#up.start(options.replay)
    if (this.#reason === undefined) this.#down.start()
    if (this.#reason !== undefined || this.#leaving || stages?.broken) return
    client.resume()
    upstream.resume()
  }

  /** What the upstream was sent, when it proved stale. */
  get replay(): readonly Buffer[] {
    return this.#use?.replay ?? []
  }

  /** Bytes so far, as handed to the far side's kernel. */
  get bytes(): { up: number; down: number } {
    return { up: this.#up.bytes, down: this.#down.bytes }
  }

  /**
   * Ends the session now; one that is ending for another reason is waited for no longer. A cut stream must not look whole: every side
   * that was not sent a FIN is reset.
   */
  cut(reason: CloseReason, error?: RelayError): void {
    if (!this.#settle(reason, error)) return this.#cutRest()
    this.#stages?.destroy()
    const { source: client, sink: upstream } = this.#up
    cutOff(client)
    if (this.#afterClientReset() === 'give-back' && !upstream.gone) this.#giveBack()
    else cutOff(upstream)
  }

  onActivity(transfer: Transfer): void {
    if (this.#firstByteMs === undefined && transfer === this.#down) {
      this.#firstByteMs = performance.now() - this.#startedAt
    }
    this.#deadlines.activity()
    if (this.#withheldFin || this.#use?.goodbyeAnswer !== undefined) this.#decideOnFin()
  }

  onSourceEnd(transfer: Transfer): void {
    if (this.#reason !== undefined) return
    // The client leaves, and has all that was for it: this is news for the lender alone, who will see it.
    if (this.#leaving && transfer === this.#down) return
    // Behind our own FIN it is an answer: the upstream had all there was, and nothing to say to it.
    if (transfer === this.#down && !this.#up.sink.socket.writableEnded && this.#replaceStale()) return
    this.#firstEnd ??= transfer === this.#up ? 'client' : 'upstream'
    if (this.#policy.halfClose === 'close' && (transfer === this.#down || !this.#use?.provable)) {
      return this.#closeBoth(this.#firstEnd === 'upstream' ? 'upstream-end' : 'client-end')
    }
    this.#watchLinger()
    if (transfer === this.#down) this.#forwardWithheldFin()
    transfer.flush(() => this.#onFlushed(transfer))
  }

  onSinkFinish(transfer: Transfer): void {
    if (this.#reason !== undefined) return void this.#returnFlushed()
    const returning = this.#leaving && transfer === this.#down
    if (!returning && !(this.#up.done && this.#down.done)) return
    this.#settle(this.#firstEnd === 'upstream' ? 'upstream-end' : 'client-end')
    this.#up.source.destroy()
    // The client has it all. If the upstream has gone astray since the decision, its lender will see that.
    if (!returning) this.#down.source.destroy()
    // What no answer is asked for may still wait in the process.
    else if (this.#up.sink.socket.writableLength > 0) void this.#giveBackFlushed()
    else this.#giveBack()
  }

  onSinkFailed({ sink }: Transfer): void {
    if (this.#reason !== undefined) return
    this.#reset = sink
    this.#watchLinger()
  }

  onStageEnd(stage: StageRef): void {
    if (this.#reason !== undefined) return
    this.#stage = stage
    this.#closeBoth('stage-end')
  }

  onStageError(stage: StageRef, error: RelayError): void {
    if (this.#reason !== undefined) return this.#cutRest()
    this.#stage = stage
    this.cut('stage-error', error)
  }

  #watchLinger(): void {
    const { lingerMs, idleTimeoutMs } = this.#policy
    this.#deadlines.watchQuiet(
      lingerMs > 0 && idleTimeoutMs > 0 ? Math.min(lingerMs, idleTimeoutMs) : lingerMs || idleTimeoutMs,
    )
  }

  // ─── a FIN behind everything the stages had ───

  #onFlushed(transfer: Transfer): void {
    if (this.#reason !== undefined) return
    if (transfer === this.#down || !this.#use?.provable || this.#down.ended) {
      transfer.finish()
    } else {
      this.#withheldFin = true
      this.#decideOnFin()
    }
  }

  // The client's FIN or goodbye, on a lease that can be shared.
  #decideOnFin(): void {
    const verdict = this.#use?.afterClientFin(this.#up.sink.socket.writableLength)
    if (verdict === 'wait' || this.#leaving || this.#down.sink.socket.writableEnded) return
    if (verdict === 'spend') return this.#forwardWithheldFin()
    this.#leaving = true
    this.#up.stop()
    this.#down.stop()
    const answer = this.#use?.goodbyeAnswer ?? NOTHING
    if (answer.length === 0) this.#down.flush(() => this.#down.finish())
    // It may be a stage that has brought us here, by giving the last answer: it gets no other before it is done.
    else process.nextTick(() => this.#answerGoodbye(answer))
  }

  #answerGoodbye(answer: Buffer): void {
    if (this.#reason !== undefined) return
    this.#down.say(answer)
    this.#down.flush(() => this.#down.finish())
  }

  #forwardWithheldFin(): void {
    if (this.#leaving) return
    const goodbye = this.#use?.takeGoodbye()
    if (goodbye !== undefined && goodbye.length > 0) this.#up.deliver(goodbye)
    if (!this.#withheldFin) return
    this.#withheldFin = false
    this.#up.finish()
  }

  #afterClientReset(): AfterClient {
    return this.#use?.afterClientReset(this.#up.sink.socket.writableLength) ?? 'spend'
  }

  #giveBack(): void {
    const upstream = this.#up.sink
    if (upstream.owned) upstream.detach()
    else upstream.restore()
    if (this.#use !== undefined) {
      const { whenReleased, stopWaiting } = release(this.#use.lease)
      this.#released = whenReleased
      this.#stopWaiting = stopWaiting
    }
    this.#disown()
  }

  /** Whether the session can go on with another upstream; the client is as it was, then. */
  #replace(): boolean {
    const use = this.#use
    if (use?.replay === undefined) return false
    this.#settle('upstream-end')
    const { source: client, sink: upstream } = this.#up
    client.detach()
    upstream.detach()
    this.#stages?.attach(undefined)
    contain(() => use.lease.discard())
    this.#resolve(STALE)
    return true
  }

  #replaceStale(): boolean {
    return this.#use?.stale === true && this.#replace()
  }

  #onWrite(use: LeaseUse, chunk: Buffer): Buffer | undefined {
    // Behind its goodbye nobody listens to it.
    if (this.#leaving) return undefined
    const bytes = use.up(chunk)
    if (bytes === undefined) this.#replace()
    return bytes
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

  // Somebody has ended our direction of it before: what is for it can never be written. One that had its peer's FIN, too, closes by
  // itself, and says so.
  #refuseEnded(side: Side, { socket, ended, gone }: RawConnection): void {
    if (!socket.writableEnded || ended || gone) return
    const message = `the ${side}'s socket had been ended before the session began`
    this.cut(
      `${side}-error`,
      new RelayError('ERR_RELAY_PREMATURE_CLOSE', message, { side, phase: 'transfer' }),
    )
  }

  // ─── one side is gone ───

  #user(side: Side, reader: Transfer, writer: Transfer): ConnectionUser {
    return { reader, writer, onClosed: (error) => this.#onClosed(side, reader, writer, error) }
  }

  #onClosed(side: Side, fromIt: Transfer, intoIt: Transfer, error: Error | undefined): void {
    if (this.#reason === undefined && side === 'upstream' && this.#replaceStale()) return
    // Both directions finished cleanly: such a socket closes itself, while the other may still be taking it in.
    if (error === undefined && fromIt.ended && intoIt.done) return this.#disown()
    // Its owner had answered its FIN before the session began: nothing more can reach it.
    if (error === undefined && fromIt.ended && fromIt.source.finished && this.#reason === undefined) {
      return this.#closeBoth(`${side}-end`)
    }
    intoIt.abandon()
    if (this.#reason === undefined && this.#settle(...reasonOfClose(side, error)) && !fromIt.sink.closed) {
      const verdict = side === 'client' ? this.#afterClientReset() : 'spend'
      if (verdict !== 'spend') fromIt.abandon()
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
    if (transfer.staged) await new Promise<void>((resolve) => this.#flushLate(transfer, resolve))
    // A reset would have to wait until all is delivered. FIN comes behind the last byte by itself, and what it ends is whole.
    if (transfer === this.#up && this.#use?.endsWithClient) {
      other.finish()
      await this.#finAnswered(transfer, FIN_ANSWER_MS)
      if (other.gone || other.ended) return inTurn(() => other.destroy())
    }
    // What it goes on sending has nobody to go to; it is read only while it may have to be, for the peer to come to its own reading.
    if (transfer.written > 0 && !(await deliveredSoon(other))) {
      this.#discardInput(transfer)
      await delivered(other, this.#policy.lingerMs)
    }
    inTurn(() => (transfer.ended ? closeWhole(other) : other.reset()))
  }

  // The first end closes both, after what was received has been flushed.
  #closeBoth(reason: CloseReason): void {
    const giveBack = reason === 'client-end' && this.#use?.trusted === true
    this.#settle(reason)
    this.#returning = giveBack
    for (const transfer of [this.#up, this.#down]) {
      transfer.stop()
      transfer.flushUnread()
      this.#flushLate(transfer, () => {
        if (giveBack && transfer === this.#up) return
        transfer.finish()
        this.#discardInput(transfer)
        void this.#closeDelivered(transfer).then(() => this.#returnFlushed())
      })
    }
  }

  // The session is settled, and what the stages hold is still to be delivered, for as long as something moves.
  #flushLate(transfer: Transfer, then: () => void): void {
    if (transfer.staged) this.#deadlines.watchQuiet(this.#policy.lingerMs)
    transfer.flush(then)
  }

  /** Closes the sink of a stream that was whole, so that its peer sees FIN. */
  async #closeDelivered(transfer: Transfer): Promise<void> {
    const { sink } = transfer
    const { lingerMs } = this.#policy
    await delivered(sink, lingerMs)
    // Nobody tells when a unix peer has read our FIN. Its own is what says so.
    if (sink.closeMayReset && !sink.gone) await this.#finAnswered(transfer, lingerMs)
    // Its peer has taken nothing for so long: not all of the stream is with the kernel, and never will be.
    if (!closeWhole(sink)) this.#onUndelivered()
  }

  /** Waits until the peer has answered our FIN by its own, or has closed; `timeoutMs` 0: however long. */
  #finAnswered(transfer: Transfer, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs > 0 ? setTimeout(resolve, timeoutMs) : undefined
      const done = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#disownClosed(transfer, { onData: () => true, onEnd: done }, done)
      transfer.sink.resume()
    })
  }

  // The client's kernel has taken everything, or the client is gone.
  async #returnFlushed(): Promise<void> {
    if (!this.#returning || !(this.#down.done || this.#down.sink.socket.destroyed)) return
    this.#returning = false
    await new Promise<void>((resolve) => this.#up.flush(resolve))
    await this.#giveBackFlushed()
  }

  async #giveBackFlushed(): Promise<void> {
    const upstream = this.#up.sink
    await upstream.flushed(this.#policy.lingerMs || MAX_TIMER_MS)
    if (upstream.gone) upstream.destroy()
    else this.#giveBack()
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
    onClosed: () => void = () => {},
  ): void {
    const user: ConnectionUser = {
      reader,
      writer: transfer,
      onClosed: () => {
        onClosed()
        this.#disown()
      },
    }
    transfer.sink.attach(user)
  }

  // ─── the end ───

  #onQuiet(): void {
    if (this.#reason !== undefined) {
      this.#onUndelivered()
      return this.#cutRest()
    }
    // What it had sent before its reset is taken too slowly: its close says how it ended.
    if (this.#reset !== undefined) return this.#reset.destroy()
    const stuck = this.#stages?.up?.stuckStage ?? this.#stages?.down?.stuckStage
    if (stuck) this.onStageError(stuck, stageError(stuck, 'is not done with what it was given'))
    else this.cut(this.#firstEnd === undefined ? 'idle-timeout' : 'linger-timeout')
  }

  // What ended it looked whole. It was not, for one of its peers.
  #onUndelivered(): void {
    if (this.#reason?.endsWith('-end')) this.#reason = 'linger-timeout'
  }

  // What the stages and the queues still hold will never come.
  #cutRest(): void {
    this.#stages?.destroy()
    this.#stopWaiting?.()
    const { source: client, sink: upstream } = this.#up
    if (!client.closed) cutOff(client)
    if (!upstream.closed && this.#released === undefined) cutOff(upstream)
  }

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
    this.#deadlines.stop()
    this.#stages?.destroy()
    const result: { -readonly [K in keyof RelayResult]: RelayResult[K] } = {
      reason: this.#reason as CloseReason,
      up: { bytes: this.#up.bytes },
      down: { bytes: this.#down.bytes },
      durationMs: performance.now() - this.#startedAt,
    }
    if (this.#error !== undefined) result.error = this.#error
    if (this.#stage !== undefined) result.stage = this.#stage
    if (this.#firstByteMs !== undefined) result.firstByteMs = this.#firstByteMs
    const use = this.#use
    if (this.#released !== undefined) await this.#released
    else if (use !== undefined) contain(() => use.lease.discard(this.#error))
    this.#resolve(result)
  }
}

/** Closes the sink of a stream that was whole: after its FIN, or its last byte, it must not end in a reset. Returns whether all of it is with the kernel. */
function closeWhole(connection: RawConnection): boolean {
  const lost = !connection.gone && connection.socket.writableLength > 0
  if (lost) connection.reset()
  else connection.destroy()
  return !lost
}

// A cut stream must not look whole, and one that is whole must not look cut.
function cutOff(connection: RawConnection): void {
  if (connection.finished) connection.destroy()
  else connection.reset()
}
