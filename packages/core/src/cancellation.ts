import type { Connector } from './lease.js'

/** What is needed of an `AbortSignal` to wait for it. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(event: 'abort', listener: () => void, options?: { once: boolean }): void
  removeEventListener(event: 'abort', listener: () => void): void
}

const content = new WeakSet<Connector>()

/** Says of a connector that it needs no more of its signal than {@link CancelSignal} has. */
export function needsNoAbortSignal(connector: Connector): void {
  content.add(connector)
}

/**
 * Calls a connect off. Next to none ever is, and a real signal, with its controller, costs as much as a socket: it is made for those who
 * ask for one.
 */
export class Cancellation implements CancelSignal {
  #aborted = false
  #reason: unknown
  #listeners: (() => void)[] = []
  #controller: AbortController | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  /** The same as an `AbortSignal`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  addEventListener(_event: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  removeEventListener(_event: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener)
  }

  /** Later calls do nothing. */
  cancel(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    for (const listener of this.#listeners) listener()
    this.#controller?.abort(reason)
  }

  /** The signal for a connector. */
  signalFor(connector: Connector): AbortSignal {
    return content.has(connector) ? (this as CancelSignal as AbortSignal) : this.signal
  }
}
