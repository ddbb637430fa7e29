import { Failure } from '../failure.js'
import type { PoolFlags } from '../upstream-connector.js'
import type { WorkerPlace } from './worker-link.js'

/** The flags that count something in all, whatever the number of workers. */
export interface Limits extends Pick<PoolFlags, 'prewarm' | 'poolMax' | 'poolIdle'> {
  readonly maxConnections?: number | undefined
}

/** Fails, naming the flag, if there is not enough of something for each worker to have one. */
export function checkShares({ maxConnections, poolMax }: Limits, workers: number): void {
  const least = `expected ${workers} or more, one for each worker`
  if (maxConnections !== undefined && maxConnections > 0 && maxConnections < workers)
    throw new Failure(2, `--max-connections: ${least}, or 0, got ${maxConnections}`)
  if (poolMax !== undefined && poolMax < workers) throw new Failure(2, `--pool-max: ${least}, got ${poolMax}`)
}

/** What one of the workers may have; all of their shares are what was asked for, to the last one. */
export function shareOf<T extends Limits>(limits: T, { index, count }: WorkerPlace): T {
  const share = (total: number): number => Math.floor((total + count - index) / count)
  const { prewarm, poolIdle, poolMax, maxConnections } = limits
  return {
    ...limits,
    poolIdle: share(poolIdle),
    prewarm: prewarm === 'auto' ? prewarm : share(prewarm),
    ...(poolMax !== undefined && { poolMax: share(poolMax) }),
    ...(maxConnections !== undefined && { maxConnections: share(maxConnections) }),
  }
}
