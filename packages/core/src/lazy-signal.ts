/**
 * Has a signal, its own and enumerable, that is made when it is asked for: next to nobody asks, and a controller costs as much as a
 * socket.
 */
export class LazySignal {
  // One for all: V8 allocates accessors as old, so that all that a getter of its own saw, a session, would be kept through every scavenge.
  static readonly #property: PropertyDescriptor & ThisType<LazySignal> = {
    enumerable: true,
    get() {
      return this.#make()
    },
  }
  declare readonly signal: AbortSignal
  readonly #make: () => AbortSignal

  /** @param make - Gives the same signal each time. */
  constructor(make: () => AbortSignal) {
    this.#make = make
    // Not by the prototype, where a copy would lose it.
    Object.defineProperty(this, 'signal', LazySignal.#property)
  }
}
