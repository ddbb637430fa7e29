import { checkOptions, checkValue, positiveCount } from '../options.js'
import type { Stage, StepFunction } from '../stage.js'

export interface ThrottleOptions {
  /** How fast bytes may go, in each direction of each session. */
  readonly bytesPerSecond: number
  /**
   * How many bytes may go at once after a pause.
   * @default what goes in 50 ms
   */
  readonly burstBytes?: number | undefined
}

/** A throttle that can be set while sessions run. */
export interface ThrottleStage extends Stage {
  readonly settings: ThrottleOptions
  /** Takes effect at once, on live sessions too; what is left out stays as it is. */
  set(settings: Partial<ThrottleOptions>): void
}

const checks = { bytesPerSecond: positiveCount, burstBytes: positiveCount }

// Bytes go in portions that take this long: smooth, and few timers.
const PORTION_MS = 10

// Of how much lost time the bytes can be made up for.
const CATCH_UP_SECONDS = 1

/** Lets bytes pass at a limited rate. The algorithm is the token bucket (as in RFC 2697: a rate, and a burst). */
export function throttle(options: ThrottleOptions): ThrottleStage {
  checkOptions('throttle', options, checks)
  checkValue('throttle', 'bytesPerSecond', options.bytesPerSecond, positiveCount)
  let settings = { ...options }
  const buckets = new Set<TokenBucket>()
  return {
    name: 'throttle',
    get settings() {
      return settings
    },
    set(changed) {
      checkOptions('throttle.set', changed, checks)
      const { bytesPerSecond = settings.bytesPerSecond, burstBytes = settings.burstBytes } = changed
      settings = { bytesPerSecond, burstBytes }
      for (const bucket of buckets) bucket.set(settings)
    },
    open() {
      const own: TokenBucket[] = []
      const step = (): StepFunction => {
        const bucket = new TokenBucket(settings)
        own.push(bucket)
        buckets.add(bucket)
        return async function* (chunk) {
          for (let start = 0; start < chunk.length; ) {
            const allowed = await bucket.take(chunk.length - start)
            yield chunk.subarray(start, start + allowed)
            start += allowed
          }
        }
      }
      return {
        up: step,
        down: step,
        close() {
          for (const bucket of own) {
            bucket.close()
            buckets.delete(bucket)
          }
        },
      }
    },
  }
}

class TokenBucket {
  #rate = 0
  #burst = 0
  #tokens: number
  #earnedAt = performance.now()
  #timer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined

  constructor(settings: ThrottleOptions) {
    this.set(settings)
    this.#tokens = this.#burst
  }

  set({ bytesPerSecond, burstBytes }: ThrottleOptions): void {
    this.#earn()
    this.#rate = bytesPerSecond
    this.#burst = Math.max(1, burstBytes ?? bytesPerSecond / 20)
    this.#tokens = Math.min(this.#tokens, this.#burst)
    // Whoever waits has waited for the old rate.
    this.#wake?.()
  }

  /** Waits until some bytes may go, and says how many of those that want to. */
  async take(wanted: number): Promise<number> {
    this.#earn()
    for (;;) {
      const smooth = Math.min(wanted, this.#burst, (this.#rate * PORTION_MS) / 1_000)
      const portion = Math.max(1, Math.floor(smooth))
      if (this.#tokens >= portion) break
      await this.#sleep(((portion - this.#tokens) / this.#rate) * 1_000)
    }
    const taken = Math.min(wanted, Math.floor(this.#tokens))
    this.#tokens -= taken
    return taken
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #earn(): void {
    const now = performance.now()
    const elapsedMs = now - this.#earnedAt
    this.#tokens = Math.min(this.#most(elapsedMs), this.#tokens + (elapsedMs / 1_000) * this.#rate)
    this.#earnedAt = now
  }

  // A pause earns a burst. A timer that is late, in a busy process, has held up bytes that were there: they catch up.
  #most(elapsedMs: number): number {
    if (this.#wake !== undefined) return Math.max(this.#burst, this.#rate * CATCH_UP_SECONDS)
    return elapsedMs < PORTION_MS ? Math.max(this.#burst, this.#tokens) : this.#burst
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#earn()
        clearTimeout(this.#timer)
        this.#wake = undefined
        resolve()
      }
      this.#timer = setTimeout(this.#wake, Math.ceil(ms))
    })
  }
}
