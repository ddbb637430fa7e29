import { type PoolLease, Pool as RelayPool } from '@relay/pool'
import { createPool } from 'generic-pool'
import { Pool as LightningPool } from 'lightning-pool'
import { Pool as TarnPool } from 'tarn'
import type { AdapterOptions, Item, MakePool, PoolAdapter } from './pool-adapter.js'

const LONG_MS = 2 ** 31 - 1

/** Each library with the same contract and the same settings: `max` items, oldest idle first, no validation unless it is needed. */
export const poolAdapters: Readonly<Record<string, MakePool>> = {
  relay: typed<PoolLease<Item>>(({ max, create, destroy, acquireTimeoutMs = 0, createTimeoutMs = 0 }) => {
    const pool = new RelayPool<Item>({
      ...{ create, destroy, max, maxIdle: max, maxWaiters: 0, idleOrder: 'fifo', idleTimeoutMs: 0 },
      ...{ borrowTimeoutMs: acquireTimeoutMs, createTimeoutMs },
    })
    return {
      acquire: () => pool.borrow(),
      release: (lease) => lease.release(),
      discard: (lease) => lease.discard(),
      itemOf: ({ item }) => item,
    }
  }),
  'generic-pool': typed<Item>(({ max, create, destroy, acquireTimeoutMs }) => {
    const settings = { max, ...(acquireTimeoutMs && { acquireTimeoutMillis: acquireTimeoutMs }) }
    const pool = createPool<Item>({ create, destroy }, settings)
    pool.on('factoryCreateError', () => {})
    return {
      acquire: () => pool.acquire(),
      release: (item) => void pool.release(item).catch(() => {}),
      discard: (item) => void pool.destroy(item).catch(() => {}),
      itemOf: (item) => item,
    }
  }),
  // It lends the newest idle item and has no other order; it destroys only what its validator refuses.
  tarn: typed<Item>(({ max, create, destroy, acquireTimeoutMs = LONG_MS, createTimeoutMs = LONG_MS }) => {
    const pool = new TarnPool<Item>({
      ...{ create: create as never, destroy, min: 0, max, validate: ({ spoilt }) => spoilt !== true },
      ...{ acquireTimeoutMillis: acquireTimeoutMs, createTimeoutMillis: createTimeoutMs },
    })
    return {
      acquire: () => pool.acquire().promise,
      release: (item) => void pool.release(item),
      discard(item) {
        item.spoilt = true
        pool.release(item)
      },
      itemOf: (item) => item,
    }
  }),
  'lightning-pool': typed<Item>(({ max, create, destroy, acquireTimeoutMs = 0 }) => {
    const settings = {
      max,
      maxQueue: 1e6,
      acquireTimeoutMillis: acquireTimeoutMs,
      fifo: true,
      validation: false,
    }
    const pool = new LightningPool<Item>({ create, destroy }, settings)
    pool.on('error', () => {})
    return {
      acquire: () => pool.acquire(),
      release: (item) => pool.release(item),
      discard: (item) => pool.destroy(item),
      itemOf: (item) => item,
    }
  }),
  /** No pool: what the `await` of the contract costs by itself. */
  none: typed<Item>(() => {
    const item = { id: 0 }
    return { acquire: async () => item, release: () => {}, discard: () => {}, itemOf: () => item }
  }),
}

// Who uses an adapter hands its leases back and looks at nothing in them.
function typed<Lease>(make: (options: AdapterOptions) => PoolAdapter<Lease>): MakePool {
  return make as MakePool
}
