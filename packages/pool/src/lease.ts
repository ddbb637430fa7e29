import { PoolError } from './errors.js'

/** Why an item was destroyed; the pool's own reasons, and whatever word a caller of `discard` or `evict` gives. */
export type EvictionReason =
  | 'closed'
  | 'discarded'
  | 'displaced'
  | 'evicted'
  | 'idle-timeout'
  | 'late'
  | 'max-lifetime'
  | 'max-uses'
  | 'overflow'
  | 'stale'
  | (string & {})

/** Where a lent item comes from: made for this borrower, made ahead and never lent, or lent before. */
export type LeaseOrigin = 'created' | 'prewarmed' | 'reused'

/**
 * The right to use one item, once: it ends by the first of `release`, `discard`, `detach` or disposal, and later calls do nothing.
 *
 * Disposal discards, for `using` cannot see whether the block threw.
 */
export interface PoolLease<T> extends Disposable {
  readonly item: T
  readonly origin: LeaseOrigin
  /** Leases of this item so far, with this one. */
  readonly uses: number
  readonly ended: boolean
  /** Gives the item back to be lent again. */
  release(): void
  /** Has the item destroyed. */
  discard(reason?: EvictionReason): void
  /**
   * Takes the item out of the pool for good, which forgets it.
   *
   * **Fails** with `ERR_POOL_LEASE_ENDED` on an ended lease: the item may be somebody else's.
   */
  detach(): T
}

/** What a lease asks of its pool. */
export interface LeaseOwner<E> {
  release(entry: E): void
  discard(entry: E, reason: EvictionReason): void
  detach(entry: E): void
  /** A call on an ended lease. */
  late(): void
}

/** A token: it acts on the entry it holds and lets go of it with the first call, so that a second one can hit nobody's item. */
export class Lease<T, E extends { readonly item: T; readonly uses: number }> implements PoolLease<T> {
  readonly item: T
  readonly origin: LeaseOrigin
  readonly uses: number
  readonly #owner: LeaseOwner<E>
  #entry: E | undefined

  constructor(owner: LeaseOwner<E>, entry: E, origin: LeaseOrigin) {
    this.item = entry.item
    this.origin = origin
    this.uses = entry.uses
    this.#owner = owner
    this.#entry = entry
  }

  get ended(): boolean {
    return this.#entry === undefined
  }

  release(): void {
    const entry = this.#end()
    if (entry !== undefined) this.#owner.release(entry)
  }

  discard(reason: EvictionReason = 'discarded'): void {
    const entry = this.#end()
    if (entry !== undefined) this.#owner.discard(entry, reason)
  }

  detach(): T {
    const entry = this.#end()
    if (entry === undefined)
      throw new PoolError('ERR_POOL_LEASE_ENDED', 'The lease has ended: its item is not here to detach')
    this.#owner.detach(entry)
    return entry.item
  }

  [Symbol.dispose](): void {
    if (this.#entry !== undefined) this.discard()
  }

  #end(): E | undefined {
    const entry = this.#entry
    if (entry === undefined) this.#owner.late()
    this.#entry = undefined
    return entry
  }
}
