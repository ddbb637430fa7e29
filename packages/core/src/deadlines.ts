import { undelivered } from './delivery.js'
import type { RawConnection } from './raw-connection.js'

/** The clocks of a session: how long it may be quiet, and how long it may last. */
export class Deadlines {
  readonly #connections: readonly [RawConnection, RawConnection]
  readonly #onQuiet: () => void
  readonly #durationTimer: NodeJS.Timeout | undefined
  #quietTimer: NodeJS.Timeout | undefined
  #moves = 0
  /** How much had moved at the half of a quiet time. */
  #movesAtHalf: number | undefined
  #undelivered = 0

  /**
   * @param life.maxDurationMs - Since `startedAt`, by `performance.now()`. 0: any time.
   * @param onQuiet - Nothing moved for as long as `watchQuiet` said.
   */
  constructor(
    connections: readonly [RawConnection, RawConnection],
    { maxDurationMs, startedAt }: { readonly maxDurationMs: number; readonly startedAt: number },
    onQuiet: () => void,
    onDuration: () => void,
  ) {
    this.#connections = connections
    this.#onQuiet = onQuiet
    if (maxDurationMs > 0) {
      this.#durationTimer = setTimeout(onDuration, Math.max(0, startedAt + maxDurationMs - performance.now()))
    }
  }

  /**
   * From now on, how long nothing may move; 0: any time.
   *
   * The timer runs twice as fast: at the half of a quiet time it notes what is still on its way, at the end it compares. A slow peer
   * that takes what the kernel holds for it is not idle, though no byte passes through us.
   */
  watchQuiet(timeoutMs: number): void {
    clearTimeout(this.#quietTimer)
    this.#movesAtHalf = undefined
    this.#quietTimer = timeoutMs > 0 ? setTimeout(() => void this.#onHalfQuiet(), timeoutMs / 2) : undefined
  }

  /** Bytes moved. */
  activity(): void {
    this.#moves++
    this.#quietTimer?.refresh()
  }

  stop(): void {
    clearTimeout(this.#quietTimer)
    clearTimeout(this.#durationTimer)
    // A cleared timer would start again at its next refresh().
    this.#quietTimer = undefined
  }

  async #onHalfQuiet(): Promise<void> {
    const timer = this.#quietTimer
    const moves = this.#moves
    const wasQuiet = this.#movesAtHalf === moves
    this.#movesAtHalf = moves
    const [one, two] = await Promise.all(this.#connections.map(undelivered))
    // While the kernel was asked, bytes may have moved and another half have passed, or the session may have ended.
    if (timer === undefined || this.#quietTimer !== timer || this.#moves !== moves) return
    const left = (one as number) + (two as number)
    const stuck = wasQuiet && left === this.#undelivered
    this.#undelivered = left
    if (stuck) this.#onQuiet()
    else timer.refresh()
  }
}
