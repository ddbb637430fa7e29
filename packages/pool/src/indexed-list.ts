import { LinkedList, type ListNode } from './linked-list.js'
import { TurnoverMap } from './turnover-map.js'

/** Where a list notes the place of each of its values. */
export interface Places<T> {
  get(value: T): ListNode<T> | undefined
  set(value: T, node: ListNode<T>): void
  delete(value: T): void
}

/** A {@link LinkedList} that knows where each value lies; of a value that is in it twice, where the later one does. */
export class IndexedList<T> extends LinkedList<T> {
  readonly #places: Places<T>

  constructor(places: Places<T> = new TurnoverMap()) {
    super()
    this.#places = places
  }

  find(value: T): ListNode<T> | undefined {
    return this.#places.get(value)
  }

  override push(value: T): ListNode<T> {
    const node = super.push(value)
    this.#places.set(value, node)
    return node
  }

  override remove(node: ListNode<T>): boolean {
    if (this.#places.get(node.value) === node) this.#places.delete(node.value)
    return super.remove(node)
  }
}
