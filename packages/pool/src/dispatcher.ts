import type { Creations } from './creations.js'
import { type ItemStore, settingNow } from './item-store.js'
import type { ResolvedPoolOptions } from './pool-options.js'
import type { WaitingLine } from './waiting-line.js'

type Line = Pick<WaitingLine<unknown>, 'size' | 'any' | 'fresh' | 'freshIsNext'>

/**
 * What has to be begun: a creation or a check for each borrower in line, room for those who want a new item, and items to keep ready.
 *
 * A borrower and what was begun for it are not tied together, only counted: whatever comes first serves the oldest. A borrower who
 * left, or was served by a release, leaves behind a creation that nobody waits for; the next one gets its own all the same, for
 * that one may hang.
 */
export class Dispatcher<T extends object> {
  readonly #options: ResolvedPoolOptions<T>
  readonly #line: Line
  readonly #store: ItemStore<T>
  readonly #creations: Creations<T>
  readonly #checkNext: () => boolean
  /** Creations to be started for borrowers, of whom some may have left. */
  #owed = 0
  #running = false
  #again = false

  /** `checkNext` gives the line an idle item, if that passes its check; false when none is left. */
  constructor(
    options: ResolvedPoolOptions<T>,
    line: Line,
    store: ItemStore<T>,
    creations: Creations<T>,
    checkNext: () => boolean,
  ) {
    this.#options = options
    this.#line = line
    this.#store = store
    this.#creations = creations
    this.#checkNext = checkNext
  }

  get freeSlots(): number {
    return this.#options.max - this.#store.size - this.#creations.running
  }

  /** Somebody waits for whom nothing is begun. */
  get uncovered(): boolean {
    const checking = Math.min(this.#store.checking, this.#line.any)
    return this.#line.size > this.#creations.running + this.#due + checking
  }

  /** The next borrower in line wants a new item, and the pool is full of others. */
  get needsRoom(): boolean {
    const { fresh, freshIsNext } = this.#line
    return freshIsNext && fresh > this.freeSlots + this.#creations.running + this.#store.closing
  }

  /** One more creation for a borrower who has just joined the line. */
  owe(): void {
    this.#owed += 1
  }

  /** A creation takes a slot; false when none is free. */
  claim(): boolean {
    if (this.freeSlots <= 0) return false
    this.#owed = Math.max(0, this.#owed - 1)
    return true
  }

  /** Has opened what is missing to `target` idle items (default: the `prewarm` option); resolves with why not all of it was. */
  async open(target: number = this.#prewarmTarget): Promise<readonly unknown[]> {
    const errors: unknown[] = []
    const openOne = async (): Promise<void> => {
      const failure = await this.#creations.create(() => this.#missingIdle(target) > 0)
      if (failure !== undefined) errors.push(failure.error)
    }
    const length = Math.min(this.#missingIdle(target), this.freeSlots)
    await Promise.all(Array.from({ length }, openOne))
    // What the pool had begun itself counted as not missing.
    if (errors.length === 0 && this.#store.idle < target) await this.#creations.settled()
    const { pauseCause } = this.#creations
    if (errors.length === 0 && pauseCause !== undefined) errors.push(pauseCause)
    return errors
  }

  /** After each change. A change made by a callback from inside has it run once more, rather than within itself. */
  run(): void {
    this.#again = this.#running
    if (this.#running) return
    this.#running = true
    try {
      do {
        this.#again = false
        this.#cover()
        while (this.needsRoom && this.#store.evictOldest('displaced')) {
          // Until there is room, or nothing idle left.
        }
        this.#creations.request(() => this.#wanted())
        this.#creations.hold(this.#line.size > 0)
      } while (this.#again)
    } finally {
      this.#running = false
    }
  }

  #cover(): void {
    // Even where a creation is under way that would do: it may hang, and nobody waits beside an idle item.
    while (this.#line.any > this.#store.checking && this.#checkNext()) {
      // Until each has a check of his own, or nothing is idle.
    }
    while (this.uncovered) this.#owed += 1
  }

  /** Creations to start. */
  #wanted(): number {
    this.#owed = this.#due
    return Math.min(this.#owed + this.#missingIdle(this.#prewarmTarget), this.freeSlots)
  }

  /** Creations that borrowers in line still have to get started. */
  get #due(): number {
    return Math.min(this.#owed, this.#line.size)
  }

  get #prewarmTarget(): number {
    return Math.floor(settingNow(this.#options.prewarm))
  }

  /** Idle items to add to what is there and to the creations that nobody waits for. Those still to be started may prove needless. */
  #missingIdle(target: number): number {
    const spare = Math.max(0, this.#creations.running - this.#line.size)
    return Math.max(
      0,
      Math.min(target, this.#options.maxIdle) - this.#store.idle - this.#store.checking - spare,
    )
  }
}
