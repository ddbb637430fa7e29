import { Channel } from './channel.js'
import { contain, isThenable } from './contain.js'
import { DeadlineTimer } from './deadline-timer.js'
import type { Places } from './indexed-list.js'
import type { EvictionReason } from './lease.js'
import type { ListNode } from './linked-list.js'
import type { ResolvedPoolOptions } from './pool-options.js'
import type { PoolCounters } from './pool-stats.js'
import { TurnoverMap } from './turnover-map.js'
import { within } from './within.js'

/** One open item, from its creation until it is destroyed or detached. */
export interface Entry<T> {
  readonly item: T
  /** When its lifetime ends. */
  readonly endsAt: number
  uses: number
  state: 'idle' | 'checking' | 'out' | 'gone'
  /** When it will have been idle for too long. */
  deadline: number
  /** Calls off the check that it is under. */
  stopCheck: (() => void) | undefined
  /** Where it lies among the idle ones. */
  place: ListNode<Entry<T>> | undefined
}

/**
 * The open items of a pool: idle ones in a {@link Channel}, which destroys what it has no room for, those under a check, those that
 * are out, and a count of those being destroyed.
 *
 * ```
 *   admit ──▶ out ──keep──▶ idle ──next──▶ (checking ──▶) out      any of them ──▶ gone, by destroy; out ──▶ gone, by detach
 * ```
 */
export class ItemStore<T extends object> {
  readonly #options: ResolvedPoolOptions<T>
  readonly #counters: PoolCounters
  readonly #onPassed: (entry: Entry<T>) => void
  readonly #onChange: () => void
  readonly #entries = new TurnoverMap<T, Entry<T>>()
  readonly #idle: Channel<Entry<T>>
  readonly #expiry: DeadlineTimer
  #checking = 0
  #closing = 0

  /** `onPassed` is given an entry whose check took time; `onChange` is called when a slot is free or a check has ended. */
  constructor(
    options: ResolvedPoolOptions<T>,
    counters: PoolCounters,
    onPassed: (entry: Entry<T>) => void,
    onChange: () => void,
  ) {
    this.#options = options
    this.#counters = counters
    this.#onPassed = onPassed
    this.#onChange = onChange
    this.#idle = new Channel<Entry<T>>(
      {
        capacity: options.maxIdle,
        order: options.idleOrder,
        onUndelivered: (entry, why) => this.destroy(entry, why),
      },
      placesOfEntries(),
    )
    this.#expiry = new DeadlineTimer(options.now, () => this.#expire())
  }

  get idle(): number {
    return this.#idle.size
  }

  get checking(): number {
    return this.#checking
  }

  get closing(): number {
    return this.#closing
  }

  get leased(): number {
    return this.#entries.size - this.#idle.size - this.#checking
  }

  /** All that hold a slot. */
  get size(): number {
    return this.#entries.size + this.#closing
  }

  /** Takes a new item in, as out. */
  admit(item: T): Entry<T> {
    if (typeof item !== 'object' || item === null || this.#entries.has(item)) {
      throw new TypeError('Pool: expected "create" to resolve with an object that is not in the pool yet')
    }
    const { maxLifetimeMs, lifetimeJitter, now, random } = this.#options
    const lifetimeMs =
      maxLifetimeMs > 0 ? maxLifetimeMs * (1 - lifetimeJitter * random()) : Number.POSITIVE_INFINITY
    const entry: Entry<T> = {
      item,
      endsAt: now() + lifetimeMs,
      uses: 0,
      state: 'out',
      deadline: 0,
      stopCheck: undefined,
      place: undefined,
    }
    this.#entries.set(item, entry)
    this.#counters.created += 1
    return entry
  }

  /** Keeps an item that is out until somebody wants it. */
  keep(entry: Entry<T>): void {
    const limitMs = entry.uses > 0 ? this.#options.idleTimeoutMs : this.#unusedLimitMs()
    const idleEnd = limitMs > 0 ? this.#options.now() + limitMs : Number.POSITIVE_INFINITY
    entry.state = 'idle'
    entry.deadline = Math.min(entry.endsAt, idleEnd)
    if (this.#idle.sendOrDiscard(entry)) this.#expiry.arm(entry.deadline)
  }

  /** Whether a moment has passed; the clock is not asked about one that never will. */
  isOver(at: number): boolean {
    return at < Number.POSITIVE_INFINITY && at <= this.#options.now()
  }

  /** Takes the next idle item that is not too old. */
  next(): Entry<T> | undefined {
    for (let next = this.#idle.tryReceive(); next.ok; next = this.#idle.tryReceive()) {
      const entry = next.value
      entry.state = 'out'
      if (!this.isOver(entry.deadline)) return entry
      this.destroy(entry, expiryReason(entry, this.#options.now()))
    }
    return undefined
  }

  /** The same for one that may be lent without waiting, by `checkNow`. */
  nextNow(): Entry<T> | undefined {
    const { check, checkNow } = this.#options
    if (check === undefined && checkNow === undefined) return this.next()
    if (checkNow === undefined) return undefined
    for (let entry = this.#idle.peek(); entry !== undefined; entry = this.#idle.peek()) {
      const now = this.#options.now()
      if (entry.deadline <= now) {
        this.evict(entry.item, expiryReason(entry, now))
        continue
      }
      let verdict: boolean | undefined = false
      try {
        verdict = checkNow(entry.item)
      } catch {
        // One that throws says no.
      }
      if (verdict === undefined) return undefined
      // The check itself may have evicted or borrowed it.
      if (!this.#idle.remove(entry)) continue
      entry.state = 'out'
      if (verdict === true) return entry
      this.destroy(entry, 'stale')
    }
    return undefined
  }

  /** True: lend it. False: it has been destroyed. Pending: it will be, or `onPassed` gets it. */
  inspect(entry: Entry<T>): boolean | 'pending' {
    const { check, checkTimeoutMs } = this.#options
    if (check === undefined) return true
    entry.state = 'checking'
    this.#checking += 1
    let verdict: boolean | Promise<boolean> = false
    try {
      verdict = check(entry.item)
    } catch {
      // One that throws says no.
    }
    // Destroyed by its own check: what that still says is of no interest.
    if (entry.state !== 'checking') {
      contain(() => verdict)
      return false
    }
    if (!isThenable(verdict)) return this.#inspected(entry, verdict === true)
    entry.stopCheck = within(verdict, checkTimeoutMs, (ok) => {
      if (this.#inspected(entry, ok)) this.#onPassed(entry)
      this.#onChange()
    })
    return 'pending'
  }

  /** Destroys an item that is not out; false when it is, or is not here. */
  evict(item: T, reason: EvictionReason): boolean {
    const entry = this.#entries.get(item)
    if (entry === undefined || entry.state === 'out') return false
    this.#idle.remove(entry)
    this.destroy(entry, reason)
    return true
  }

  /** The idle items, in the order of their creation. */
  idleItems(): T[] {
    const items: T[] = []
    if (this.#idle.size === 0) return items
    for (const { item, state } of this.#entries.values()) if (state === 'idle') items.push(item)
    return items
  }

  /** The idle item that was created first; false when none is idle. */
  evictOldest(reason: EvictionReason): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.state === 'idle') return this.evict(entry.item, reason)
    }
    return false
  }

  /** Destroys an item that no channel holds. Its slot is free, and `onChange` called, when that is done. */
  destroy(entry: Entry<T>, reason: EvictionReason): void {
    const wasChecking = entry.state === 'checking'
    if (wasChecking) {
      this.#checking -= 1
      entry.stopCheck?.()
    }
    this.#forget(entry)
    this.#closing += 1
    this.#counters.countClosed(reason)
    const closed = (): void => {
      this.#closing -= 1
      this.#onChange()
    }
    let result: unknown
    try {
      result = this.#options.destroy(entry.item, reason)
    } catch {
      // Contained: what can be done about the item is done.
    }
    if (!isThenable(result)) return closed()
    within(result, this.#options.destroyTimeoutMs, closed)
    // Whoever waited for the check need not wait for the destruction too.
    if (wasChecking) this.#onChange()
  }

  /** Destroys an item that has no slot: its creation was given up before it came. */
  destroyLate(item: T): void {
    this.#counters.countClosed('late')
    contain(() => this.#options.destroy(item, 'late'))
  }

  /** Forgets an item that is out. */
  detach(entry: Entry<T>): void {
    this.#forget(entry)
    this.#counters.detached += 1
    this.#onChange()
  }

  /** Destroys all that are not out, and whatever is kept from now on. */
  close(): void {
    this.#expiry.stop()
    this.#idle.close('discard')
    for (const entry of this.#entries.values()) {
      if (entry.state === 'checking') this.destroy(entry, 'closed')
    }
  }

  #forget(entry: Entry<T>): void {
    entry.state = 'gone'
    this.#entries.delete(entry.item)
  }

  #inspected(entry: Entry<T>, ok: boolean): boolean {
    if (!ok) {
      this.destroy(entry, 'stale')
      return false
    }
    entry.state = 'out'
    entry.stopCheck = undefined
    this.#checking -= 1
    return true
  }

  #unusedLimitMs(): number {
    return settingNow(this.#options.prewarmMaxAgeMs) || this.#options.idleTimeoutMs
  }

  #expire(): void {
    const now = this.#options.now()
    let next = Number.POSITIVE_INFINITY
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'idle') continue
      if (entry.deadline > now) next = Math.min(next, entry.deadline)
      else this.evict(entry.item, expiryReason(entry, now))
    }
    this.#expiry.arm(next)
  }
}

// Each notes its own: an entry goes in and out with each borrow.
function placesOfEntries<T>(): Places<Entry<T>> {
  return {
    get: (entry) => entry.place,
    set: (entry, node) => {
      entry.place = node
    },
    delete: (entry) => {
      entry.place = undefined
    },
  }
}

function expiryReason(entry: { readonly endsAt: number }, now: number): EvictionReason {
  return entry.endsAt <= now ? 'max-lifetime' : 'idle-timeout'
}

/** A setting that may be a function, as a number >= 0; one that throws says 0. */
export function settingNow(setting: number | (() => number)): number {
  try {
    const value = typeof setting === 'function' ? setting() : setting
    return Math.max(0, value || 0)
  } catch {
    return 0
  }
}
