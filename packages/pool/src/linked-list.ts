/** A place in a {@link LinkedList}: what makes removal from the middle O(1). */
export interface ListNode<T> {
  readonly value: T
  previous: ListNode<T> | undefined
  next: ListNode<T> | undefined
  /** The list that holds the node, so that a second removal is harmless. */
  list: LinkedList<T> | undefined
}

/** A doubly linked list; every operation is O(1), and a node that has left it keeps nothing else alive. */
export class LinkedList<T> implements Iterable<T> {
  #first: ListNode<T> | undefined
  #last: ListNode<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): ListNode<T> | undefined {
    return this.#first
  }

  get last(): ListNode<T> | undefined {
    return this.#last
  }

  push(value: T): ListNode<T> {
    const node: ListNode<T> = { value, previous: this.#last, next: undefined, list: this }
    if (this.#last === undefined) this.#first = node
    else this.#last.next = node
    this.#last = node
    this.#size += 1
    return node
  }

  /** Takes the first node out. */
  shift(): ListNode<T> | undefined {
    const node = this.#first
    if (node !== undefined) this.remove(node)
    return node
  }

  /** Takes the last node out. */
  pop(): ListNode<T> | undefined {
    const node = this.#last
    if (node !== undefined) this.remove(node)
    return node
  }

  /** The values, from the first to the last. */
  *[Symbol.iterator](): Iterator<T> {
    for (let node = this.#first; node !== undefined; node = node.next) yield node.value
  }

  /** False when the node is no longer in this list. */
  remove(node: ListNode<T>): boolean {
    if (node.list !== this) return false
    const { previous, next } = node
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    node.previous = undefined
    node.next = undefined
    node.list = undefined
    this.#size -= 1
    return true
  }
}
