export type { BackoffOptions } from './backoff.js'
export {
  Channel,
  type ChannelOptions,
  type SendResult,
  type TryReceiveResult,
  type Undelivered,
} from './channel.js'
export { type ConnectionPool, type ConnectionPoolStats, connectionPool } from './connection-pool.js'
export type { ConnectionPoolOptions, Dial } from './connection-pool-options.js'
export type { CreateContext } from './create-item.js'
export { PoolError, type PoolErrorCode } from './errors.js'
export type { EvictionReason, LeaseOrigin, PoolLease } from './lease.js'
export { type BorrowOptions, Pool, type PoolCloseOptions, type PrewarmResult } from './pool.js'
export type {
  PoolBorrowMessage,
  PoolCloseMessage,
  PoolDialMessage,
  PoolPrewarmMessage,
  PrewarmHeldBack,
} from './pool-channels.js'
export type { PoolOptions } from './pool-options.js'
export type { PoolStats } from './pool-stats.js'
export { type Http1Options, http1 } from './rules/http1.js'
export { type LengthPrefixedOptions, lengthPrefixed } from './rules/length-prefixed.js'
export { type LinesOptions, lines } from './rules/lines.js'
export { memcached } from './rules/memcached.js'
export { type RedisOptions, redis } from './rules/redis.js'
export type { WaitOptions } from './waiter.js'
