import { LinkedList, type ListNode } from './linked-list.js'

/** A {@link LinkedList} that knows where each value lies; of a value that is in it twice, where the later one does. */
export class IndexedList<T> extends LinkedList<T> {
  readonly #places = new Map<T, ListNode<T>>()

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
