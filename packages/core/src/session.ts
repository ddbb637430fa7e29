import { Cancellation } from './cancellation.js'
import type { CloseReason, RelayResult } from './close-reason.js'
import { contain } from './contain.js'
import { copyOver } from './copy-over.js'
import { errorText, shownError } from './error-text.js'
import { RelayError } from './errors.js'
import type { Connector, Lease } from './lease.js'
import type { RawConnection } from './raw-connection.js'
import type { SessionInfo } from './session-info.js'
import { SessionStages } from './session-stages.js'
import type { Stage } from './stage.js'
import { type CopyPolicy, STALE, type TwoWayCopy } from './two-way-copy.js'

/**
 * One client, from accept to close: gets it an upstream connection and has the two copied.
 *
 * ```text
 *   connecting ────── a lease ──────▶ copying ──────▶ closed
 *       │                                               ▲
 *       └── dial failed, client reset, cut() ───────────┘   the client is reset: it must not take nothing for an answer
 * ```
 *
 * It owns the client until the copy does.
 */
export class Session {
  readonly info: SessionInfo
  readonly done: Promise<RelayResult>
  /** Where it stands in the list of its server. */
  place = -1
  readonly #client: RawConnection
  readonly #connector: Connector
  readonly #policy: CopyPolicy
  readonly #startedAt = performance.now()
  readonly #resolve: (result: RelayResult) => void
  // Only while it connects: an idle session keeps nothing of it.
  #connecting: Cancellation | undefined
  #stages: SessionStages | undefined
  #copy: TwoWayCopy | undefined
  #reason: CloseReason | undefined
  #error: RelayError | undefined

  constructor(
    info: SessionInfo,
    client: RawConnection,
    connector: Connector,
    policy: CopyPolicy,
    stages: readonly Stage[],
  ) {
    this.info = info
    this.#client = client
    this.#connector = connector
    this.#policy = policy
    let resolve: (result: RelayResult) => void = () => {}
    this.done = new Promise((onResult) => {
      resolve = onResult
    })
    this.#resolve = resolve
    this.#connect(stages, false)
  }

  /** Bytes so far. */
  get bytes(): { up: number; down: number } {
    return this.#copy?.bytes ?? { up: 0, down: 0 }
  }

  /** Ends the session now, in whatever state it is. */
  cut(reason: CloseReason): void {
    if (this.#copy !== undefined) this.#copy.cut(reason)
    else this.#giveUp(reason)
  }

  // Plain callbacks: what async functions would wait with are promises of their own, for each session.
  #connect(stages: readonly Stage[], fresh: boolean): void {
    const replay = this.#copy?.replay
    this.#copy = undefined
    this.#watchClient()
    const connecting = new Cancellation()
    this.#connecting = connecting
    const { maxDurationMs } = this.#policy
    const timer =
      maxDurationMs > 0 && this.#reason === undefined
        ? setTimeout(
            () => this.#giveUp('max-duration'),
            Math.max(0, this.#startedAt + maxDurationMs - performance.now()),
          )
        : undefined
    this.#lease(connecting, fresh).then(
      (lease) => {
        clearTimeout(timer)
        this.#connecting = undefined
        try {
          // If the connector ignores the signal, discard the lease that it delivers late.
          if (this.#reason !== undefined) contain(() => lease.discard())
          else this.#begin(lease, stages, { replay, fresh })
        } catch (thrown) {
          const error = shownError(thrown)
          // That of another session is not ours to end.
          if (!(error instanceof RelayError && error.code === 'ERR_RELAY_LEASED'))
            contain(() => (lease as Partial<Lease> | undefined)?.discard?.(error))
          this.#giveUp('connect-failed', error)
        }
      },
      (reason: unknown) => {
        clearTimeout(timer)
        this.#connecting = undefined
        const error = shownError(reason ?? 'the connector gave no reason')
        this.#giveUp(connectReason(error), error)
      },
    )
  }

  #lease(connecting: Cancellation, fresh: boolean): Promise<Lease> {
    const connector = this.#connector
    try {
      const signal = connecting.signalFor(connector)
      const context = { signal, client: this.info }
      return Promise.resolve(connector.connect(fresh ? { ...context, fresh } : context))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #begin(
    lease: Lease,
    stages: readonly Stage[],
    { replay, fresh }: { readonly replay: readonly Buffer[] | undefined; readonly fresh: boolean },
  ): void {
    // What a stage did before an upstream proved stale is done.
    if (stages.length > 0) this.#stages ??= new SessionStages(stages, this.info)
    const copy = copyOver(this.#client, lease, this.#policy, {
      startedAt: this.#startedAt,
      stages: this.#stages,
      replay,
      replaceable: !fresh,
    })
    this.#copy = copy
    void copy.done.then((outcome) => {
      // One stale connection may be bad luck. The next is dialed for this session, and can't be stale.
      if (outcome === STALE) this.#connect(stages, true)
      else this.#resolve(outcome)
    })
  }

  // A FIN is not looked at: it is forwarded after the connect, in its place behind the client's bytes.
  #watchClient(): void {
    this.#client.attach({
      reader: { onData: () => false, onEnd: () => {} },
      writer: { onFlushed: () => {}, onFinished: () => {} },
      onClosed: (error) => {
        this.#giveUp('client-reset', error)
        this.#resolve(this.#failure())
      },
    })
  }

  // Done when the client is closed, which it is told of by its socket.
  #giveUp(reason: CloseReason, cause?: unknown): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    if (cause instanceof RelayError) this.#error = cause
    else if (cause !== undefined) this.#error = failed(reason, cause)
    this.#connecting?.cancel(reason)
    this.#stages?.destroy()
    if (!this.#client.closed) this.#client.reset()
  }

  #failure(): RelayResult {
    return {
      reason: this.#reason as CloseReason,
      ...(this.#error && { error: this.#error }),
      up: { bytes: 0 },
      down: { bytes: 0 },
      durationMs: performance.now() - this.#startedAt,
    }
  }
}

function connectReason(error: Error): CloseReason {
  const code = 'code' in error ? error.code : undefined
  if (code === 'ERR_RELAY_CONNECT_TIMEOUT') return 'connect-timeout'
  return code === 'ERR_POOL_MAX_WAITERS' || code === 'ERR_POOL_TIMEOUT' ? 'pool-exhausted' : 'connect-failed'
}

function failed(reason: CloseReason, cause: unknown): RelayError {
  return reason === 'client-reset'
    ? new RelayError('ERR_RELAY_RESET', 'the client reset the connection', {
        side: 'client',
        phase: 'connect',
        cause,
      })
    : new RelayError('ERR_RELAY_CONNECT', `could not connect: ${errorText(cause)}`, {
        side: 'upstream',
        phase: 'connect',
        cause,
      })
}
