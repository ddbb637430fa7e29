import { signal as isSignal, milliseconds, type OptionCheck } from '@relay/core/options'
import { PoolError } from './errors.js'

export interface WaitOptions {
  /** Gives the wait up; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Gives the wait up after this long; 0 waits for ever.
   * @default 0
   */
  readonly timeoutMs?: number | undefined
}

export const waitOptionChecks: Readonly<Record<'signal' | 'timeoutMs', OptionCheck>> = {
  signal: isSignal,
  timeoutMs: milliseconds,
}

/** A promise that somebody waits for, with the timer and the abort listener that may end the wait: both are gone once it settles. */
export class Waiter<T> {
  readonly promise: Promise<T>
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #signal: AbortSignal | undefined
  #onAbort: (() => void) | undefined

  readonly #failure: ((error: unknown) => unknown) | undefined

  /** @param failure - What the promise is rejected with, given what ended the wait. */
  constructor(failure?: (error: unknown) => unknown) {
    this.#failure = failure
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** `leave` takes the waiter out of its line, before it is rejected. The timer is ref'd: a process must not end under a waiter. */
  arm(options: WaitOptions, leave: () => void): void {
    const { signal, timeoutMs = 0 } = options
    if (signal === undefined && timeoutMs === 0) return
    const giveUp = (error: unknown): void => {
      leave()
      this.reject(error)
    }
    if (timeoutMs > 0) {
      this.#timer = setTimeout(() => {
        giveUp(new PoolError('ERR_POOL_CHANNEL_TIMEOUT', `Nothing came within ${timeoutMs} ms`))
      }, timeoutMs)
    }
    if (signal !== undefined) {
      this.#signal = signal
      this.#onAbort = () => giveUp(signal.reason)
      signal.addEventListener('abort', this.#onAbort, { once: true })
    }
  }

  resolve(value: T): void {
    this.#disarm()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    this.#disarm()
    this.#reject(this.#failure === undefined ? error : this.#failure(error))
  }

  #disarm(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#timer = undefined
    this.#signal = undefined
    this.#onAbort = undefined
  }
}
