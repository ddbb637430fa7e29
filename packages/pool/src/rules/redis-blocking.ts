import { BLOCKING, CLOSE, MULTI, RESET } from './redis-commands.js'

/** Whether a request that blocks is outstanding. Requests are numbered from 1. */
export class BlockingRequests {
  #last = 0
  /** MULTI has what follows queued, if it was taken. */
  #queues = false
  #lastQueued = 0

  sent(verdict: number, request: number): void {
    if (verdict === MULTI) this.#queues = true
    else if (verdict === CLOSE || verdict === RESET) this.#queues = false
    else if (verdict !== BLOCKING) return
    else if (this.#queues) this.#lastQueued = request
    else this.#last = request
  }

  /** An error was received: it may have refused the MULTI. */
  refused(): void {
    this.#last = Math.max(this.#last, this.#lastQueued)
    this.#queues = false
  }

  /** @param answered - The last request that was answered. */
  outstanding(answered: number): boolean {
    return answered < this.#last
  }
}
