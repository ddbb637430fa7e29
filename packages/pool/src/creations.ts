import type { Cancellation } from '@relay/core/connector'
import pLimit from 'p-limit'
import { Backoff, type BackoffOptions } from './backoff.js'
import { type CreateContext, createItem } from './create-item.js'
import { LinkedList } from './linked-list.js'

export interface CreationsOptions<T> {
  readonly create: (context: CreateContext) => Promise<T>
  readonly createTimeoutMs: number
  readonly maxDialing: number
  readonly backoff: BackoffOptions
  readonly random: () => number
}

/** What creations ask and tell their pool. */
export interface CreationsHost<T> {
  /** Takes a slot for a creation that starts now; false when there is none. */
  claim(): boolean
  /** Throws when there is something wrong with the item: then its creation has failed. */
  created(item: T): void
  failed(error: unknown): void
  /** An item that came after its creation was given up, and with it its slot. */
  late(item: T): void
  /** The pause after a failure is over. */
  resumed(): void
}

export interface CreationFailure {
  readonly error: unknown
}

/**
 * Starts creations: `maxDialing` at a time, none in the pause after a failure, and one at a time from then until the next success.
 *
 * Nobody waits in the limiter but the starts of creations, and each asks again, when its turn comes, whether it is still needed.
 */
export class Creations<T> {
  readonly #options: CreationsOptions<T>
  readonly #host: CreationsHost<T>
  readonly #limit: ReturnType<typeof pLimit>
  readonly #backoff: Backoff
  readonly #cancellations = new LinkedList<Cancellation>()
  readonly #underWay = new LinkedList<Promise<unknown>>()
  #running = 0
  #requested = 0
  #closed = false

  constructor(options: CreationsOptions<T>, host: CreationsHost<T>) {
    this.#options = options
    this.#host = host
    this.#limit = pLimit(options.maxDialing)
    this.#backoff = new Backoff(options.backoff, options.random, () => host.resumed())
  }

  /** Creations under way. */
  get running(): number {
    return this.#running
  }

  /** Has as many creations started as are wanted, as soon as may be; asking again does not add up. */
  request(wanted: () => number): void {
    // Each would be skipped, when its turn came: in a pause that is work for nothing, at each borrower who comes.
    if (!this.#allowed) return
    const starts = wanted()
    while (this.#requested < starts) {
      this.#requested += 1
      void this.#limit(() => {
        this.#requested -= 1
        return this.#attempt(() => wanted() > 0)
      })
    }
  }

  /**
   * One creation, as soon as the limit allows; skipped in a pause, where there is no slot for it, or no need of it any more.
   * Resolves with its failure, if it failed.
   */
  create(needed: () => boolean): Promise<CreationFailure | undefined> {
    return this.#limit(() => this.#attempt(needed))
  }

  /** When the creations that are under way now have ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  /** What failed, while creations pause for it. */
  get pauseCause(): unknown {
    return this.#backoff.pausing ? this.#backoff.lastError : undefined
  }

  /** Whether somebody waits for a creation: then the pause keeps the process alive. */
  hold(waitedFor: boolean): void {
    this.#backoff.hold(waitedFor)
  }

  /** Gives up what is under way; nothing starts any more. */
  close(reason: Error): void {
    this.#closed = true
    this.#backoff.stop()
    // Each takes itself out.
    for (const cancellation of [...this.#cancellations]) cancellation.cancel(reason)
  }

  get #allowed(): boolean {
    return !(this.#closed || this.#backoff.pausing || (this.#backoff.failing && this.#running > 0))
  }

  async #attempt(needed: () => boolean): Promise<CreationFailure | undefined> {
    if (!(this.#allowed && needed() && this.#host.claim())) return undefined
    this.#running += 1
    const creation = this.#create()
    const node = this.#underWay.push(creation)
    const outcome = await creation
    this.#underWay.remove(node)
    return outcome
  }

  async #create(): Promise<CreationFailure | undefined> {
    const { create, createTimeoutMs } = this.#options
    let item: T
    try {
      item = await createItem(create, createTimeoutMs, this.#cancellations, (late) => this.#host.late(late))
    } catch (error) {
      this.#running -= 1
      return this.#failed(error)
    }
    this.#running -= 1
    this.#backoff.succeeded()
    try {
      this.#host.created(item)
    } catch (error) {
      return this.#failed(error)
    }
    return undefined
  }

  #failed(error: unknown): CreationFailure {
    if (!this.#closed) this.#backoff.failed(error)
    this.#host.failed(error)
    return { error }
  }
}
