import type { CreateContext } from '../../src/create-item.js'
import { type Deferred, deferred } from './deferred.js'

export interface Item {
  readonly id: number
}

/** One call of `create` that is left to the test to end. */
export interface FakeCreation extends Deferred<Item> {
  readonly signal: AbortSignal
  /** Ends it with a new item. */
  open(): Item
}

/** Things for a pool: counts what is open, and says what became of each. */
export class FakeItems {
  readonly opened: Item[] = []
  readonly ends = new Map<Item, string[]>()
  readonly creations: FakeCreation[] = []
  peak = 0

  get live(): number {
    return this.opened.length - this.ends.size
  }

  open(): Item {
    const item = { id: this.opened.length }
    this.opened.push(item)
    this.peak = Math.max(this.peak, this.live)
    return item
  }

  /** `create` of a pool: opens at once. */
  readonly createNow = async (): Promise<Item> => this.open()

  /** `create` of a pool: waits for the test. */
  readonly createLater = ({ signal }: CreateContext): Promise<Item> => {
    const later = deferred<Item>()
    const open = (): Item => {
      const item = this.open()
      later.resolve(item)
      return item
    }
    this.creations.push({ ...later, signal, open })
    return later.promise
  }

  readonly destroy = (item: Item, reason: string): void => {
    const ends = this.ends.get(item) ?? []
    this.ends.set(item, [...ends, reason])
  }

  /** Why each item ended, in the order of their opening. */
  get reasons(): (string | undefined)[] {
    return this.opened.map((item) => this.ends.get(item)?.join(' and '))
  }
}
