import type { CloseReason, RelayResult } from './close-reason.js'
import { copyOver } from './copy-over.js'
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
  readonly #client: RawConnection
  readonly #policy: CopyPolicy
  readonly #startedAt = performance.now()
  // Only while it connects: an idle session keeps nothing of it.
  #dialing: AbortController | undefined
  #giveUpDial: ((reason: unknown) => void) | undefined
  #stages: SessionStages | undefined
  #copy: TwoWayCopy | undefined
  #reason: CloseReason | undefined
  #error: RelayError | undefined
  #clientClosed: Promise<void> | undefined

  constructor(
    info: SessionInfo,
    client: RawConnection,
    connector: Connector,
    policy: CopyPolicy,
    stages: readonly Stage[],
  ) {
    this.info = info
    this.#client = client
    this.#policy = policy
    this.done = this.#run(connector, stages)
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

  async #run(connector: Connector, stages: readonly Stage[]): Promise<RelayResult> {
    try {
      let outcome = await this.#attempt(connector, stages, false)
      // One stale connection may be bad luck. The next is dialed for this session, and can't be stale.
      if (outcome === STALE) outcome = await this.#attempt(connector, stages, true)
      if (outcome !== undefined) return outcome as RelayResult
    } catch (error) {
      this.#giveUp(connectReason(error), error ?? new Error('the connector gave no reason'))
    }
    this.#stages?.destroy()
    if (!this.#client.closed) this.#client.reset()
    await this.#clientClosed
    return this.#failure()
  }

  async #attempt(
    connector: Connector,
    stages: readonly Stage[],
    fresh: boolean,
  ): Promise<RelayResult | typeof STALE | undefined> {
    const replay = this.#copy?.replay
    this.#copy = undefined
    this.#clientClosed = this.#watchClient()
    const lease = await this.#connect(connector, fresh)
    // What a stage did before an upstream proved stale is done.
    if (stages.length > 0) this.#stages ??= new SessionStages(stages, this.info)
    this.#copy = copyOver(this.#client, lease, this.#policy, {
      startedAt: this.#startedAt,
      stages: this.#stages,
      replay,
      replaceable: !fresh,
    })
    return this.#copy.done
  }

  // A connector that does not look at its signal must hold up nobody; what it gives too late is nobody's.
  #connect(connector: Connector, fresh: boolean): Promise<Lease> {
    const dialing = new AbortController()
    this.#dialing = dialing
    return new Promise<Lease>((resolve, reject) => {
      this.#giveUpDial = reject
      // An async function, so that a connect that throws fails like one that rejects.
      const connect = async (): Promise<Lease> =>
        connector.connect({ signal: dialing.signal, client: this.info, ...(fresh && { fresh }) })
      connect().then((lease) => (this.#reason === undefined ? resolve(lease) : lease.discard()), reject)
    }).finally(() => {
      this.#dialing = undefined
      this.#giveUpDial = undefined
    })
  }

  // A FIN is not looked at: it is forwarded after the connect, in its place behind the client's bytes.
  #watchClient(): Promise<void> {
    return new Promise((resolve) => {
      this.#client.attach({
        reader: { onData: () => false, onEnd: () => {} },
        writer: { onFlushed: () => {}, onFinished: () => {} },
        onClosed: (error) => {
          this.#giveUp('client-reset', error)
          resolve()
        },
      })
    })
  }

  #giveUp(reason: CloseReason, cause?: unknown): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    if (cause instanceof RelayError) this.#error = cause
    else if (cause !== undefined) this.#error = failed(reason, cause)
    this.#dialing?.abort(reason)
    this.#giveUpDial?.(reason)
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

function connectReason(error: unknown): CloseReason {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
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
    : new RelayError('ERR_RELAY_CONNECT', `could not connect: ${String(cause)}`, {
        side: 'upstream',
        phase: 'connect',
        cause,
      })
}
