import { Pool, type PoolOptions } from '../../src/index.js'
import { FakeItems, type Item } from './fake-items.js'

/** A pool of things that are there at once. */
export function poolOf(options: Partial<PoolOptions<Item>> = {}): { items: FakeItems; pool: Pool<Item> } {
  const items = new FakeItems()
  return { items, pool: new Pool<Item>({ create: items.createNow, destroy: items.destroy, ...options }) }
}
