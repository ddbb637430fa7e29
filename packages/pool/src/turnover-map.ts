/**
 * A `Map` for keys that come and go.
 *
 * Whenever V8 makes a new table for a `Map`, the old table keeps the new one, and all that it held itself. Once a table has grown old,
 * whatever passed through the map since outlives its scavenges. This one is copied to a new `Map` every so often, where the chain ends.
 */
export class TurnoverMap<K, V> {
  #map = new Map<K, V>()
  #deleted = 0

  get size(): number {
    return this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  set(key: K, value: V): void {
    this.#map.set(key, value)
  }

  delete(key: K): boolean {
    const had = this.#map.delete(key)
    // As many as are left: each deletion pays for the move of one.
    if (had && ++this.#deleted > this.#map.size + 8) {
      this.#map = new Map(this.#map)
      this.#deleted = 0
    }
    return had
  }

  /** The values, in the order of their keys' arrival; one that is deleted meanwhile may still come. */
  values(): IterableIterator<V> {
    return this.#map.values()
  }
}
