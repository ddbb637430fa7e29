import { Duplex } from 'node:stream'
import { inspect } from 'node:util'
import { RelayError, type ReuseRule } from '@relay/core'
import {
  type Cancellation,
  type DialerOptions,
  dial,
  dialTarget,
  RawConnection,
  type RetryStale,
} from '@relay/core/connector'
import { checkOptions, count, milliseconds, type OptionCheck, oneOf } from '@relay/core/options'
import type { PoolOptions } from './pool-options.js'

/** Opens one connection; ends what it has opened when its signal aborts. */
export type Dial = (context: { readonly signal: AbortSignal }) => Promise<Duplex>

type Shared = Pick<
  PoolOptions<object>,
  | 'max'
  | 'maxIdle'
  | 'maxWaiters'
  | 'maxDialing'
  | 'borrowTimeoutMs'
  | 'idleTimeoutMs'
  | 'lifetimeJitter'
  | 'maxUses'
  | 'idleOrder'
>

export interface ConnectionPoolOptions extends Shared {
  /** Where the upstream is, as for `dialer()`, or a function that opens a connection. */
  readonly dial: Dial | Omit<DialerOptions, 'connectTimeoutMs'>
  /**
   * For DNS, TCP and TLS together; 0 disables.
   * @default 5_000
   */
  readonly connectTimeoutMs?: number | undefined
  /**
   * How old a connection may get before no further session is given it; it is closed when it is idle. So the last client of an address
   * that a name has left comes within this time. 0: any age.
   * @default 60_000
   */
  readonly maxLifetimeMs?: number | undefined
  /**
   * Connections opened ahead of clients: how many, or `'auto'` for as many as arrive while one is dialed.
   * @default 0
   */
  readonly prewarm?: number | 'auto' | undefined
  /**
   * How long a connection opened ahead may wait for its client; 0: as `idleTimeoutMs`.
   * @default 10_000
   */
  readonly prewarmMaxAgeMs?: number | undefined
  /**
   * When a connection may serve another session: `'never'`; by proof of a rule, such as `redis()`; or on `'trust'`, for protocols that
   * you know to keep no state and to leave no answer behind.
   * @default 'never'
   */
  readonly reuse?: 'never' | 'trust' | ReuseRule | undefined
  /**
   * How long answers that a gone client left outstanding may take before its connection is spent; 0: not at all.
   * @default 0
   */
  readonly settleMs?: number | undefined
  /**
   * Whether a session gets a fresh connection for one that proves stale: before it has sent a byte, or also after, when all it sent
   * (at most 64 KiB) can be sent again. The upstream may have acted on it: `'replay'` is at least once.
   * @default 'before-first-byte'
   */
  readonly retryStale?: RetryStale | undefined
}

/** The options that only the connection pool has, each with its value. */
export interface ResolvedConnectionPoolOptions {
  readonly open: (cancellation: Cancellation) => Promise<RawConnection>
  /** How long `open` may take, when it does not keep the time itself; else 0. */
  readonly openTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly prewarm: number | 'auto'
  readonly prewarmMaxAgeMs: number
  readonly rule: ReuseRule | undefined
  readonly trusted: boolean
  readonly settleMs: number
  readonly retryStale: RetryStale
  readonly shared: Shared & Pick<ConnectionPoolOptions, 'maxLifetimeMs'>
}

const prewarm: OptionCheck = (value) =>
  value === 'auto' ? undefined : count(value) && "a whole number >= 0 or 'auto'"
const reuse: OptionCheck = (value) =>
  value === 'never' || value === 'trust' || isRule(value)
    ? undefined
    : "'never', 'trust' or a rule, such as redis()"
const howToDial: OptionCheck = (value) =>
  typeof value === 'function' || (typeof value === 'object' && value !== null)
    ? undefined
    : 'a function, or an object with "host" and "port", or "path"'

// Those of Pool, which checks them itself.
const POOL_KEYS = [
  'max',
  'maxIdle',
  'maxWaiters',
  'maxDialing',
  'borrowTimeoutMs',
  'idleTimeoutMs',
  'maxLifetimeMs',
  'lifetimeJitter',
  'maxUses',
  'idleOrder',
] as const

// Of those, where a pool of connections differs.
const DEFAULTS: Partial<Record<(typeof POOL_KEYS)[number], number>> = { maxLifetimeMs: 60_000 }

/** **Fails** with a `TypeError` or `RangeError` that names the option, its value and what is accepted. */
export function resolveConnectionPoolOptions(options: ConnectionPoolOptions): ResolvedConnectionPoolOptions {
  checkOptions('connectionPool', options, {
    dial: howToDial,
    connectTimeoutMs: milliseconds,
    prewarm,
    prewarmMaxAgeMs: milliseconds,
    reuse,
    settleMs: milliseconds,
    retryStale: oneOf('before-first-byte', 'replay', 'never'),
    ...Object.fromEntries(POOL_KEYS.map((key) => [key, () => undefined])),
  })
  if (options.dial === undefined) throw new TypeError('connectionPool: expected option "dial", got undefined')
  const connectTimeoutMs = options.connectTimeoutMs ?? 5_000
  return {
    open: opener(options.dial, connectTimeoutMs),
    openTimeoutMs: typeof options.dial === 'function' ? connectTimeoutMs : 0,
    connectTimeoutMs,
    prewarm: options.prewarm ?? 0,
    prewarmMaxAgeMs: options.prewarmMaxAgeMs ?? 10_000,
    rule: isRule(options.reuse) ? options.reuse : undefined,
    trusted: options.reuse === 'trust',
    settleMs: options.settleMs ?? 0,
    retryStale: options.retryStale ?? 'before-first-byte',
    shared: Object.fromEntries(POOL_KEYS.map((key) => [key, options[key] ?? DEFAULTS[key]])) as Shared,
  }
}

function opener(
  how: ConnectionPoolOptions['dial'],
  connectTimeoutMs: number,
): ResolvedConnectionPoolOptions['open'] {
  if (typeof how === 'function') return async ({ signal }) => unusedConnection(await how({ signal }))
  const target = dialTarget('connectionPool: dial', { ...how, connectTimeoutMs })
  return (cancellation) => dial(target, cancellation)
}

function unusedConnection(socket: unknown): RawConnection {
  if (!(socket instanceof Duplex)) {
    throw new TypeError(`connectionPool: expected "dial" to resolve with a Duplex, got ${inspect(socket)}`)
  }
  const connection = RawConnection.of(socket)
  // Two sessions on one socket would hear each other.
  if (connection.inUse || connection.pooled) {
    throw new RelayError('ERR_RELAY_LEASED', 'connectionPool: "dial" gave a socket that is in use already')
  }
  return connection
}

function isRule(value: unknown): value is ReuseRule {
  return typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function'
}
