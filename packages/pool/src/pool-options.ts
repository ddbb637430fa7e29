import {
  checkOptions,
  checkValue,
  count,
  fraction,
  func,
  milliseconds,
  type OptionCheck,
  oneOf,
  positiveCount,
  positiveMilliseconds,
} from '@relay/core/options'
import type { BackoffOptions } from './backoff.js'
import type { CreateContext } from './create-item.js'
import type { EvictionReason } from './lease.js'

export interface PoolOptions<T extends object> {
  /** Makes an item. What it still makes after its signal aborted is destroyed. */
  create(context: CreateContext): Promise<T>
  /** Ends an item; its slot is free when this settles. What it throws is contained. */
  destroy(item: T, reason: EvictionReason): void | Promise<void>
  /**
   * Asked before an item that was not just created is lent: anything but `true` has it destroyed as `'stale'`, and the borrower goes
   * on to the next idle item or a new one. While a check is under way its borrower waits in line, and whatever comes first serves it.
   */
  check?(item: T): boolean | Promise<boolean>
  /**
   * The same for `tryBorrow`, which can't wait: true lends, false destroys as `'stale'`, undefined (not known now) leaves the item idle.
   * Without it, a pool that has a `check` lends nothing by `tryBorrow`.
   */
  checkNow?(item: T): boolean | undefined
  /**
   * Items open at once: idle, lent, opening and closing ones.
   * @default 1_000
   */
  readonly max?: number | undefined
  /**
   * Items kept idle; one more is destroyed. 0 keeps none.
   * @default 100
   */
  readonly maxIdle?: number | undefined
  /**
   * Borrowers waiting at once; one more is refused. 0 sets no limit.
   * @default 1_000
   */
  readonly maxWaiters?: number | undefined
  /**
   * Creations under way at once.
   * @default 16
   */
  readonly maxDialing?: number | undefined
  /**
   * How long a borrower waits; 0 for ever.
   * @default 10_000
   */
  readonly borrowTimeoutMs?: number | undefined
  /**
   * How long a creation may take before its slot is given back; 0 for ever.
   * @default 5_000
   */
  readonly createTimeoutMs?: number | undefined
  /**
   * How long an asynchronous check may take before it counts as failed; 0 for ever.
   * @default 1_000
   */
  readonly checkTimeoutMs?: number | undefined
  /**
   * How long a destruction may hold its slot; 0 for ever.
   * @default 5_000
   */
  readonly destroyTimeoutMs?: number | undefined
  /**
   * How long an item may stay idle; 0 for ever.
   * @default 60_000
   */
  readonly idleTimeoutMs?: number | undefined
  /**
   * The same for an item that was never lent; 0: as `idleTimeoutMs`. A function is asked each time such an item becomes idle.
   * @default 0
   */
  readonly prewarmMaxAgeMs?: number | (() => number) | undefined
  /**
   * How long an item may live, idle or between two leases; 0 for ever.
   * @default 0
   */
  readonly maxLifetimeMs?: number | undefined
  /**
   * How much of `maxLifetimeMs` chance may take off an item, so that those opened together don't end together: 0 to 1.
   * @default 0.1
   */
  readonly lifetimeJitter?: number | undefined
  /**
   * How often an item may be lent; 0 without limit.
   * @default 0
   */
  readonly maxUses?: number | undefined
  /**
   * Which idle item is lent first: the one that came back last, or first.
   * @default 'lifo'
   */
  readonly idleOrder?: 'lifo' | 'fifo' | undefined
  /**
   * Idle items kept ready, as far as `max` and `maxIdle` allow. A function is asked whenever the pool changes.
   * @default 0
   */
  readonly prewarm?: number | (() => number) | undefined
  /** The pause after a failed creation, with full jitter, shared by the whole pool. */
  readonly backoff?: BackoffOptions | undefined
  /** A monotonic clock in milliseconds. */
  readonly now?: (() => number) | undefined
  /** From 0 to 1: for jitter. */
  readonly random?: (() => number) | undefined
}

export interface ResolvedPoolOptions<T extends object> {
  readonly create: (context: CreateContext) => Promise<T>
  readonly destroy: (item: T, reason: EvictionReason) => void | Promise<void>
  readonly check: ((item: T) => boolean | Promise<boolean>) | undefined
  readonly checkNow: ((item: T) => boolean | undefined) | undefined
  readonly max: number
  readonly maxIdle: number
  readonly maxWaiters: number
  readonly maxDialing: number
  readonly borrowTimeoutMs: number
  readonly createTimeoutMs: number
  readonly checkTimeoutMs: number
  readonly destroyTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly prewarmMaxAgeMs: number | (() => number)
  readonly maxLifetimeMs: number
  readonly lifetimeJitter: number
  readonly maxUses: number
  readonly idleOrder: 'lifo' | 'fifo'
  readonly prewarm: number | (() => number)
  readonly backoff: BackoffOptions
  readonly now: () => number
  readonly random: () => number
}

/** The check, unless it is a function: those are asked when it matters. */
function orFunction(check: OptionCheck): OptionCheck {
  return (value) => {
    const expected = typeof value === 'function' ? undefined : check(value)
    return expected === undefined ? undefined : `${expected}, or a function`
  }
}

const backoffChecks = { baseMs: positiveMilliseconds, maxMs: positiveMilliseconds }

const poolChecks: Readonly<Record<keyof PoolOptions<object>, OptionCheck>> = {
  create: func,
  destroy: func,
  check: func,
  checkNow: func,
  max: positiveCount,
  maxIdle: count,
  maxWaiters: count,
  maxDialing: positiveCount,
  borrowTimeoutMs: milliseconds,
  createTimeoutMs: milliseconds,
  checkTimeoutMs: milliseconds,
  destroyTimeoutMs: milliseconds,
  idleTimeoutMs: milliseconds,
  prewarmMaxAgeMs: orFunction(milliseconds),
  maxLifetimeMs: milliseconds,
  lifetimeJitter: fraction,
  maxUses: count,
  idleOrder: oneOf('lifo', 'fifo'),
  prewarm: orFunction(count),
  backoff: (value) => (typeof value === 'object' ? undefined : 'an object'),
  now: func,
  random: func,
}

/** Checks a pool's options and fills in the defaults. */
export function resolvePoolOptions<T extends object>(options: PoolOptions<T>): ResolvedPoolOptions<T> {
  checkOptions('Pool', options, poolChecks)
  checkValue('Pool', 'create', options.create, func)
  checkValue('Pool', 'destroy', options.destroy, func)
  if (options.backoff !== undefined) checkOptions('Pool: backoff', options.backoff, backoffChecks)
  return {
    create: options.create.bind(options),
    destroy: options.destroy.bind(options),
    check: options.check?.bind(options),
    checkNow: options.checkNow?.bind(options),
    max: options.max ?? 1_000,
    maxIdle: options.maxIdle ?? 100,
    maxWaiters: options.maxWaiters ?? 1_000,
    maxDialing: options.maxDialing ?? 16,
    borrowTimeoutMs: options.borrowTimeoutMs ?? 10_000,
    createTimeoutMs: options.createTimeoutMs ?? 5_000,
    checkTimeoutMs: options.checkTimeoutMs ?? 1_000,
    destroyTimeoutMs: options.destroyTimeoutMs ?? 5_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    prewarmMaxAgeMs: options.prewarmMaxAgeMs ?? 0,
    maxLifetimeMs: options.maxLifetimeMs ?? 0,
    lifetimeJitter: options.lifetimeJitter ?? 0.1,
    maxUses: options.maxUses ?? 0,
    idleOrder: options.idleOrder ?? 'lifo',
    prewarm: options.prewarm ?? 0,
    backoff: options.backoff ?? {},
    now: options.now ?? (() => performance.now()),
    random: options.random ?? Math.random,
  }
}
