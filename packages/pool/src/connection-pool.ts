import type { ConnectContext, Connector, Lease, LeaseOrigin } from '@relay/core'
import {
  type Cancellation,
  ConnectionLease,
  type Lender,
  needsNoAbortSignal,
  undelivered,
} from '@relay/core/connector'
import {
  type ConnectionPoolOptions,
  type ResolvedConnectionPoolOptions,
  resolveConnectionPoolOptions,
} from './connection-pool-options.js'
import { Creation } from './create-item.js'
import { PoolError } from './errors.js'
import { type Awaited, FirstAnswers } from './first-answers.js'
import type { PoolLease } from './lease.js'
import { type BorrowOptions, Pool, type PoolCloseOptions, type PrewarmResult } from './pool.js'
import { type PrewarmHeldBack, poolChannels } from './pool-channels.js'
import type { PoolStats } from './pool-stats.js'
import { PooledConnection } from './pooled-connection.js'
import { PrewarmPolicy } from './prewarm-policy.js'
import { RoomQuestions } from './room-questions.js'

const GUEST = 'guest'

/** The counters of the pool, and where the connections that it lent came from. */
export interface ConnectionPoolStats extends PoolStats {
  readonly lent: Readonly<Record<LeaseOrigin, number>>
  readonly prewarmTarget: number
}

/** A pool of upstream connections, for `createRelayServer({ upstream })` or to borrow from. */
export function connectionPool(options: ConnectionPoolOptions): ConnectionPool {
  return new ConnectionPool(resolveConnectionPoolOptions(options))
}

/**
 * Upstream connections kept warm: opened ahead of their client, or given back by one session for the next, on proof.
 *
 * A {@link Pool} has the slots, the line and the clocks; here is what a connection is: how it is opened, watched while idle, judged when
 * it comes back, cleaned and closed. Made by {@link connectionPool}.
 */
export class ConnectionPool implements Connector, AsyncDisposable {
  readonly #options: ResolvedConnectionPoolOptions
  readonly #pool: Pool<PooledConnection>
  readonly #prewarm: PrewarmPolicy
  readonly #questions: RoomQuestions
  readonly #firstAnswers: FirstAnswers
  readonly #lent: Record<LeaseOrigin, number> = { dialed: 0, prewarmed: 0, reused: 0 }
  #heldBack: PrewarmHeldBack | undefined
  #turn = 0
  #polled: Promise<void> | undefined

  /** Use {@link connectionPool}, which checks the options. */
  constructor(options: ResolvedConnectionPoolOptions) {
    needsNoAbortSignal(this)
    this.#options = options
    this.#prewarm = new PrewarmPolicy(options.prewarm, options.prewarmMaxAgeMs, () => this.#refill())
    this.#questions = new RoomQuestions({
      unused: () => this.#unused(),
      clear: () => this.#evict(this.#unused(), 'no-room'),
      openOneMore: () => this.#openOneMore(),
      evictGuest: (guest) => void this.#pool.evict(guest, GUEST),
      dialMs: () => this.#prewarm.dialMs,
      changed: () => this.#prewarmChanged(),
    })
    this.#firstAnswers = new FirstAnswers(options.connectTimeoutMs, {
      used: () => this.#used(),
      late: () => this.#questions.late(),
      silent: (awaited) => void this.#judge(awaited),
    })
    this.#pool = new Pool<PooledConnection>({
      ...options.shared,
      create: (context) => this.#open(Creation.cancellationOf(context)),
      destroy: (item, reason) => this.#close(item, reason),
      check: (item) => this.#prove(item),
      // Two turns of the loop, and no more: a timer for each would never go off.
      checkTimeoutMs: 0,
      checkNow: (item) => (item.fit ? item.provenInTurn === this.#turn || undefined : false),
      createTimeoutMs: options.openTimeoutMs,
      prewarm: options.prewarm === 0 ? 0 : () => this.#prewarmTarget,
      prewarmMaxAgeMs: () => this.#prewarm.maxAgeMs,
    })
  }

  /** Lends a connection to a session. **Fails** with the dial's error, or with a `PoolError`. */
  async connect({ signal, fresh = false }: ConnectContext): Promise<Lease> {
    try {
      return await this.borrow({ signal, fresh })
    } catch (error) {
      throw error instanceof PoolError && error.code === 'ERR_POOL_CREATE_FAILED' ? error.cause : error
    }
  }

  /** Lends a connection; see {@link Pool.borrow}. */
  async borrow(options: BorrowOptions = {}): Promise<Lease> {
    this.#prewarm.arrived()
    const startedAt = performance.now()
    const poolLease = await this.#pool.borrow(options)
    return this.#lend(poolLease, performance.now() - startedAt)
  }

  /** Lends a connection that is idle and was proven good in this very turn of the event loop, if there is one. */
  tryBorrow(): Lease | undefined {
    const poolLease = this.#pool.tryBorrow()
    if (poolLease === undefined) return undefined
    this.#prewarm.arrived()
    return this.#lend(poolLease, 0)
  }

  /** Borrows for the time of a function: releases when it returns, discards when it throws. */
  async use<R>(use: (lease: Lease) => R | Promise<R>, options: BorrowOptions = {}): Promise<R> {
    const lease = await this.borrow(options)
    try {
      const result = await use(lease)
      await lease.release()
      return result
    } finally {
      lease[Symbol.dispose]()
    }
  }

  /** Opens what is missing to `n` idle connections; see {@link Pool.prewarm}. */
  prewarm(n: number): Promise<PrewarmResult> {
    return this.#pool.prewarm(n)
  }

  stats(): ConnectionPoolStats {
    return Object.freeze({
      ...this.#pool.stats(),
      lent: Object.freeze({ ...this.#lent }),
      prewarmTarget: this.#prewarmTarget,
    })
  }

  /** Closes what is idle, waits for what is lent; see {@link Pool.close}. */
  close(options: PoolCloseOptions = {}): Promise<void> {
    this.#prewarm.stop()
    this.#questions.stop()
    this.#firstAnswers.stop()
    return this.#pool.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(cancellation: Cancellation): Promise<PooledConnection> {
    const startedAt = performance.now()
    const connection = await this.#options.open(cancellation)
    connection.owned = true
    connection.pooled = true
    const dialMs = performance.now() - startedAt
    this.#prewarm.dialed(dialMs)
    if (this.#options.prewarm !== 0) this.#questions.opened()
    if (poolChannels.dial.hasSubscribers) poolChannels.dial.publish({ dialMs })
    try {
      const onSpoiled = (spoiled: PooledConnection, reason: string): boolean =>
        this.#pool.evict(spoiled, reason)
      return new PooledConnection(connection, this.#options.rule, onSpoiled, (greeting) =>
        this.#greeted(greeting),
      )
    } catch (error) {
      connection.destroy()
      throw error
    }
  }

  #close(item: PooledConnection, reason: string): Promise<void> {
    const ageMs = performance.now() - item.openedAt
    if (!item.used && (reason === 'upstream-end' || reason === 'upstream-reset'))
      this.#prewarm.wasted(ageMs, true, item.greeted)
    else if (!item.used && reason === 'idle-timeout') this.#prewarm.wasted(ageMs, false, item.greeted)
    this.#tellPrewarm()
    if (poolChannels.close.hasSubscribers) poolChannels.close.publish({ reason, ageMs })
    return reason === GUEST ? this.#questions.seeOff(item).then(() => item.destroy()) : item.destroy()
  }

  async #prove(item: PooledConnection): Promise<boolean> {
    this.#polled ??= this.#poll()
    await this.#polled
    item.provenInTurn = this.#turn
    return item.fit
  }

  // What the kernel knows by now is told when the loop polls next. An immediate that is set while the loop polls runs right after,
  // before it polls again: the second one is sure to come behind a poll. All who ask before the first one wait together.
  #poll(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#polled = undefined
        setImmediate(() => {
          resolve()
          setImmediate(() => this.#turn++)
        })
      })
    })
  }

  #lend(poolLease: PoolLease<PooledConnection>, waitMs: number): Lease {
    const { item } = poolLease
    const { trusted, settleMs, retryStale } = this.#options
    const origin = poolLease.origin === 'created' ? 'dialed' : item.used ? 'reused' : 'prewarmed'
    this.#lent[origin]++
    if (poolChannels.borrow.hasSubscribers) poolChannels.borrow.publish({ origin, waitMs })
    item.lend()
    const awaited = this.#firstAnswers.began(item, origin !== 'dialed')
    return new ConnectionLease(item.connection, this.#lender(poolLease, awaited), {
      origin,
      proof: item.proof,
      trusted,
      settleMs,
      retryStale,
    })
  }

  #lender(poolLease: PoolLease<PooledConnection>, awaited: Awaited): Lender {
    const { item } = poolLease
    return {
      returned: (_lease, { reusable, why }) => {
        this.#firstAnswers.ended(awaited)
        item.noteUse()
        if (!reusable && item.proof?.state !== 'tainted') {
          return poolLease.discard(why === 'ended' || why === 'invalid' ? 'spent' : why)
        }
        return this.#takeBack(poolLease)
      },
      discarded: () => {
        this.#firstAnswers.ended(awaited)
        poolLease.discard('spent')
      },
      detached: () => {
        this.#firstAnswers.ended(awaited)
        poolLease.detach()
      },
    }
  }

  #takeBack(poolLease: PoolLease<PooledConnection>): void {
    const { item } = poolLease
    const { rule, trusted } = this.#options
    const state = item.used ? (item.proof?.state ?? (trusted ? 'idle' : 'spent')) : 'idle'
    if (state === 'dirty' && rule?.reset !== undefined) return void this.#clean(poolLease, rule)
    if (state !== 'idle') return poolLease.discard(state)
    item.watch()
    poolLease.release()
  }

  // After the session, off any client's clock.
  async #clean(
    poolLease: PoolLease<PooledConnection>,
    rule: NonNullable<ResolvedConnectionPoolOptions['rule']>,
  ): Promise<void> {
    const { item } = poolLease
    if (!(await item.reset(rule))) return poolLease.discard('reset-failed')
    item.watch()
    poolLease.release()
  }

  get #prewarmTarget(): number {
    return this.#questions.room.holdsBack ? 0 : this.#prewarm.target
  }

  #unused(): PooledConnection[] {
    return this.#options.prewarm === 0 ? [] : this.#pool.idleItems().filter(({ used }) => !used)
  }

  #evict(items: readonly PooledConnection[], reason: string): void {
    for (const item of items) this.#pool.evict(item, reason)
  }

  async #openOneMore(): Promise<readonly unknown[]> {
    const { idle } = this.#pool.stats()
    if (idle >= (this.#options.shared.maxIdle ?? Number.POSITIVE_INFINITY)) return []
    return (await this.#pool.prewarm(idle + 1)).errors
  }

  #used(): void {
    if (this.#prewarm.used()) this.#prewarmChanged()
    this.#questions.used()
  }

  #greeted(greeting: Buffer): void {
    this.#prewarm.greeted(greeting)
    if (this.#prewarm.heldBack !== 'ssh') return
    this.#evict(this.#unused(), 'ssh')
    this.#tellPrewarm()
  }

  #prewarmChanged(): void {
    this.#tellPrewarm()
    this.#refill()
  }

  #tellPrewarm(): void {
    const why = this.#questions.room.crowded ? 'no-room' : this.#prewarm.heldBack
    if (why === this.#heldBack) return
    this.#heldBack = why
    if (poolChannels.prewarm.hasSubscribers) poolChannels.prewarm.publish({ heldBack: why })
  }

  // A late answer says nothing: the upstream may rightly take its time. But its machine acknowledges what it gets at once. Who
  // acknowledges nothing for as long as a dial may take would not be dialed either.
  async #judge(awaited: Awaited): Promise<void> {
    const { item } = awaited
    const { connectTimeoutMs } = this.#options
    if ((await undelivered(item.connection)) < item.sentBytes || awaited.ended || item.answered) return
    // Those that were open before may have gone the same way.
    const { sentAt = 0 } = awaited
    this.#evict(
      this.#pool.idleItems().filter(({ openedAt }) => openedAt < sentAt),
      'silent',
    )
    item.giveUp(connectTimeoutMs)
  }

  #refill(): void {
    // What fails is counted, and tried again after the pool's own pause.
    this.#pool.prewarm().catch(() => {})
  }
}
