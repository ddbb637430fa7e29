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
 * Calls a connect off: a signal for one listener. A real one, with its controller, costs as much as a socket, and next to no connect is
 * ever called off; it is made for the connectors of others.
 */
export class Cancellation implements CancelSignal {
  #aborted = false
  #reason: unknown
  #listener: (() => void) | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  addEventListener(_event: 'abort', listener: () => void): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = undefined
  }

  /** Later calls do nothing. */
  cancel(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#listener?.()
  }

  /** The signal for a connector. */
  signalFor(connector: Connector): AbortSignal {
    if (content.has(connector)) return this as CancelSignal as AbortSignal
    const controller = new AbortController()
    if (this.#aborted) controller.abort(this.#reason)
    this.#listener = () => controller.abort(this.#reason)
    return controller.signal
  }
}
