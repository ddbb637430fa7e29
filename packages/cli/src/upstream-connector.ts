import { type Connector, dialer, type ReuseRule } from '@relay/core'
import { sessionsByDescriptors } from '@relay/core/connector'
import { connectionPool, http1, lines, memcached, redis } from '@relay/pool'
import type { Upstream } from './addresses.js'
import type { Log } from './log.js'

/** The flags that make a pool of the upstream. */
export interface PoolFlags {
  readonly prewarm: number | 'auto'
  readonly reuse: ReuseName
  readonly poolMax?: number | undefined
  readonly poolIdle: number
  readonly poolStats: number
}

// Connections that the pool may be opening at once.
const DIALING = 16

type RuleName = 'redis' | 'memcached' | 'http1' | 'lines'

export type ReuseName = 'never' | RuleName | 'trust'

const rules: Readonly<Record<RuleName, () => ReuseRule>> = {
  redis: () => redis(),
  memcached: () => memcached(),
  http1: () => http1(),
  lines: () => lines(),
}

/** The words that `--reuse` takes. */
export const reuseNames: readonly ReuseName[] = ['never', ...(Object.keys(rules) as RuleName[]), 'trust']

export interface UpstreamConnector {
  readonly connector: Connector
  /** How many sessions the descriptors allow beside it; 0: the platform does not say. */
  readonly maxSessions: number
  /** One line on how the pool does, if there is one. */
  logStats(): void
}

/** Where sessions get their upstream: dialed for each, unless a flag asks for connections that are open before or after. */
export function upstreamConnector(
  { address, tls }: Upstream,
  connectTimeoutMs: number,
  flags: PoolFlags,
  log: Log,
): UpstreamConnector {
  const { prewarm, reuse, poolIdle, poolStats } = flags
  if (prewarm === 0 && reuse === 'never') {
    const connector = dialer({ ...address, tls, connectTimeoutMs })
    return { connector, maxSessions: sessionsByDescriptors(), logStats: () => {} }
  }
  if (reuse === 'trust') {
    log(
      'warn',
      'reuse without proof: an answer that comes late can reach the next client; see docs/reuse.md',
      { reuse },
    )
  }
  const maxSessions = sessionsByDescriptors(poolIdle + DIALING)
  const pool = connectionPool({
    dial: { ...address, tls },
    connectTimeoutMs,
    prewarm,
    reuse: reuse === 'never' || reuse === 'trust' ? reuse : rules[reuse](),
    max: flags.poolMax ?? (maxSessions > 0 ? maxSessions + poolIdle : undefined),
    maxIdle: poolIdle,
  })
  const logStats = (): void => {
    const { lent, created, createFailed, idle, leased, waiting, closed } = pool.stats()
    const hits = lent.prewarmed + lent.reused
    log('info', 'pool', {
      hits,
      misses: lent.dialed,
      prewarmed: lent.prewarmed,
      reused: lent.reused,
      dials: created,
      failedDials: createFailed,
      idle,
      leased,
      waiting,
      evicted: closed,
    })
  }
  if (poolStats > 0) periodically(poolStats, () => pool.stats().borrows, logStats)
  return { connector: pool, maxSessions, logStats }
}

// Nothing new is no news. The timer keeps nobody waiting.
function periodically(everyMs: number, version: () => number, act: () => void): void {
  let last = 0
  setInterval(() => {
    if (version() === last) return
    last = version()
    act()
  }, everyMs).unref()
}
