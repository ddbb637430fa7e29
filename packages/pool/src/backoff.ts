export interface BackoffOptions {
  /**
   * Upper bound of the first pause; each further failure doubles it.
   * @default 50
   */
  readonly baseMs?: number | undefined
  /**
   * Upper bound of any pause.
   * @default 5_000
   */
  readonly maxMs?: number | undefined
}

/**
 * Pauses after failures, with full jitter: anything between nothing and the bound, which doubles with each failure in a row.
 *
 * ```
 *  fine ──failed──▶ pausing ──timer──▶ probing (one attempt at a time) ──failed──▶ pausing, longer
 *   ▲                  └───────────succeeded───────────┘
 *   └──────────────────────────────────┘
 * ```
 */
export class Backoff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #random: () => number
  readonly #onOver: () => void
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  /** What the last failure was. */
  lastError: unknown

  constructor(options: BackoffOptions, random: () => number, onOver: () => void) {
    this.#baseMs = options.baseMs ?? 50
    this.#maxMs = options.maxMs ?? 5_000
    this.#random = random
    this.#onOver = onOver
  }

  get pausing(): boolean {
    return this.#timer !== undefined
  }

  /** After a failure, until the next success. */
  get failing(): boolean {
    return this.#failures > 0
  }

  /** Failures while it pauses are of attempts made before: together they count as one. */
  failed(error: unknown): void {
    this.lastError = error
    if (this.pausing) return
    const bound = Math.min(this.#maxMs, this.#baseMs * 2 ** this.#failures)
    this.#failures += 1
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#onOver()
    }, this.#random() * bound)
  }

  succeeded(): void {
    this.#failures = 0
    this.stop()
  }

  /** Keeps the process alive while somebody waits for the pause to end, and only then. */
  hold(waitedFor: boolean): void {
    if (waitedFor) this.#timer?.ref()
    else this.#timer?.unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
