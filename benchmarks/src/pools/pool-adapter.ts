/** What the pool under test holds. */
export interface Item {
  readonly id: number
  /** Discarded by its borrower. */
  spoilt?: boolean
}

export interface AdapterOptions {
  readonly max: number
  create(): Promise<Item>
  destroy(item: Item): Promise<void>
  /** How long a borrower waits; for ever without it. */
  readonly acquireTimeoutMs?: number
  /** How long a creation may take, where the library has such an option. */
  readonly createTimeoutMs?: number
}

/** The same few words for every library. `Lease` is what it hands out and wants back. */
export interface PoolAdapter<Lease = unknown> {
  acquire(): Promise<Lease>
  release(lease: Lease): void
  discard(lease: Lease): void
  itemOf(lease: Lease): Item
}

export type MakePool = (options: AdapterOptions) => PoolAdapter
