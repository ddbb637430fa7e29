import { Channel } from './channel.js'
import type { WaitOptions } from './waiter.js'

/**
 * The borrowers that wait, first come, first served: a rendezvous for those who take any item, and one for those who insist on a
 * new one. Of the two, a new item goes to whoever came first.
 */
export class WaitingLine<L> {
  readonly #any = new Channel<L>({ capacity: 0 })
  readonly #fresh = new Channel<L>({ capacity: 0 })

  get size(): number {
    return this.#any.receivers + this.#fresh.receivers
  }

  /** Those who take any item. */
  get any(): number {
    return this.#any.receivers
  }

  /** Those who take a new item only. */
  get fresh(): number {
    return this.#fresh.receivers
  }

  get freshIsNext(): boolean {
    return this.#fresh.oldestArrival < this.#any.oldestArrival
  }

  /** The options were checked by the borrower's own call. `failure` says with what the wait fails, given what ended it. */
  wait(fresh: boolean, options: WaitOptions, failure: (error: unknown) => unknown): Promise<L> {
    return (fresh ? this.#fresh : this.#any).join(options, failure)
  }

  /** To the oldest who takes such an item; false when there is nobody, and then `lend` is not called. */
  hand(isNew: boolean, lend: () => L): boolean {
    const line = isNew && this.freshIsNext ? this.#fresh : this.#any
    return line.receivers > 0 && line.trySend(lend()) === 'handed'
  }

  /** Fails the oldest of all. */
  rejectNext(error: Error): boolean {
    return (this.freshIsNext ? this.#fresh : this.#any).rejectNext(error)
  }
}
