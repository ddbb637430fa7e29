/** The codes of {@link PoolError}; each is a heading in docs/errors.md. */
export type PoolErrorCode =
  | 'ERR_POOL_CHANNEL_CLOSED'
  | 'ERR_POOL_CHANNEL_TIMEOUT'
  | 'ERR_POOL_CLOSED'
  | 'ERR_POOL_CREATE_FAILED'
  | 'ERR_POOL_CREATE_TIMEOUT'
  | 'ERR_POOL_LEASE_ENDED'
  | 'ERR_POOL_MAX_WAITERS'
  | 'ERR_POOL_TIMEOUT'

/**
 * What went wrong in a channel or a pool. Match on `code`, never on `message`.
 *
 * Wrong arguments are a `TypeError` or a `RangeError` instead, and an abort rejects with the signal's own reason.
 */
export class PoolError extends Error {
  override readonly name = 'PoolError'
  readonly code: PoolErrorCode

  constructor(code: PoolErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
  }
}
