import { subscribe } from 'node:diagnostics_channel'
import { type Connector, dialer, type ReuseRule } from '@relay/core'
import { sessionsByDescriptors } from '@relay/core/connector'
import type { PoolPrewarmMessage, PrewarmHeldBack } from '@relay/pool'
import type { Upstream } from './addresses.js'
import type { Log } from './log.js'

/** The flags that make a pool of the upstream. */
export interface PoolFlags {
  readonly prewarm: number | 'auto'
  readonly reuse: ReuseName
  readonly poolMax?: number | undefined
  readonly poolIdle: number
  readonly poolMaxAge: number
  readonly poolStats: number
}

// Connections that the pool may be opening at once.
const DIALING = 16

/** The words that `--reuse` takes; those between the first and the last are functions of @relay/pool. */
export const reuseNames = ['never', 'redis', 'memcached', 'http1', 'lines', 'trust'] as const

type ReuseName = (typeof reuseNames)[number]

export interface UpstreamConnector {
  readonly connector: Connector
  /** How many sessions the descriptors allow beside it; 0: the platform does not say. */
  readonly maxSessions: number
  /** One line on how the pool does, if there is one. */
  logStats(): void
}

/** Where sessions get their upstream: dialed for each, unless a flag asks for connections that are open before or after. */
export async function upstreamConnector(
  { address, tls }: Upstream,
  connectTimeoutMs: number,
  flags: PoolFlags,
  log: Log,
): Promise<UpstreamConnector> {
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
  logHeldBack(log)
  const maxSessions = sessionsByDescriptors(poolIdle + DIALING)
  // Half of the modules of a relay: who needs none of them does not wait for them at start-up.
  const library = await import('@relay/pool')
  const pool = library.connectionPool({
    dial: { ...address, tls },
    connectTimeoutMs,
    prewarm,
    reuse: reuse === 'never' || reuse === 'trust' ? reuse : ruleOf(library, reuse),
    max: flags.poolMax ?? (maxSessions > 0 ? maxSessions + poolIdle : undefined),
    maxIdle: poolIdle,
    maxLifetimeMs: flags.poolMaxAge,
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

const heldBackMessages: Readonly<Record<PrewarmHeldBack, readonly ['warn' | 'info', string]>> = {
  'no-room': ['warn', 'the upstream serves nobody else while connections are idle: none is opened ahead'],
  ssh: ['warn', 'an SSH server drops clients while others have not logged in: none is opened ahead'],
  unused: ['info', 'none is opened ahead before a client comes: too many were opened in vain'],
}

// Each reason once: it is tried again now and then.
function logHeldBack(log: Log): void {
  const said = new Set<PrewarmHeldBack>()
  subscribe('relay:pool:prewarm', (message) => {
    const { heldBack } = message as PoolPrewarmMessage
    if (heldBack === undefined || said.has(heldBack)) return
    said.add(heldBack)
    const [level, text] = heldBackMessages[heldBack]
    log(level, text, { prewarm: heldBack })
  })
}

function ruleOf(
  library: typeof import('@relay/pool'),
  name: Exclude<ReuseName, 'never' | 'trust'>,
): ReuseRule {
  return name === 'lines' ? library.lines({ terminator: 'either' }) : library[name]()
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
