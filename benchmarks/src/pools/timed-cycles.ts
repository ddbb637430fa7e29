import { setImmediate as nextTurn } from 'node:timers/promises'
import { quantile } from '../statistics.js'
import type { PoolAdapter } from './pool-adapter.js'

// The event loop turns now and then, or no timer of anybody would ever run.
const CYCLES_A_TURN = 100
const SAMPLE_EVERY = 64

export interface CycleResult {
  readonly cycles: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly p99WaitUs: number
}

/** Workers that borrow, hold for one microtask, and release, again and again. One wait in 64 is timed. */
export async function timedCycles(pool: PoolAdapter, workers: number, seconds: number): Promise<CycleResult> {
  const startedAt = performance.now()
  const cpuAtStart = process.cpuUsage()
  const endsAt = startedAt + seconds * 1_000
  const waits: number[] = []
  let cycles = 0
  async function work(): Promise<void> {
    for (let cycle = 0; cycle < CYCLES_A_TURN; cycle++) {
      const sampled = cycles++ % SAMPLE_EVERY === 0
      const askedAt = sampled ? performance.now() : 0
      const lease = await pool.acquire()
      if (sampled) waits.push(performance.now() - askedAt)
      await undefined
      pool.release(lease)
    }
  }
  // All workers begin a turn together: one after another, each would find the pool for itself alone.
  while (performance.now() < endsAt) {
    await Promise.all(Array.from({ length: workers }, work))
    await nextTurn()
  }
  const { user, system } = process.cpuUsage(cpuAtStart)
  return {
    cycles,
    seconds: (performance.now() - startedAt) / 1_000,
    cpuSeconds: (user + system) / 1e6,
    p99WaitUs: quantile(waits, 0.99) * 1_000,
  }
}
