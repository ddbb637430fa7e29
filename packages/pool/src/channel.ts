import {
  checkOptions,
  checkValue,
  func,
  signal as isSignal,
  type OptionCheck,
  oneOf,
} from '@relay/core/options'
import { contain } from './contain.js'
import { PoolError } from './errors.js'
import { IndexedList, type Places } from './indexed-list.js'
import { LinkedList } from './linked-list.js'
import { Waiter, type WaitOptions, waitOptionChecks } from './waiter.js'

/** Why an item reached nobody: no room for it, the channel closed, or its blocked `send` was aborted. */
export type Undelivered = 'overflow' | 'closed' | 'cancelled'

export type SendResult = 'handed' | 'buffered' | 'full' | 'closed'

export type TryReceiveResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly closed: boolean }

export interface ChannelOptions<T> {
  /** Items kept while nobody receives; 0 makes every hand-over a rendezvous, `Infinity` never blocks a sender. */
  readonly capacity: number
  /**
   * Which buffered item a receiver gets first.
   * @default 'fifo'
   */
  readonly order?: 'fifo' | 'lifo' | undefined
  /** Told once of each item that the channel took and will not deliver; what it throws is contained. */
  readonly onUndelivered?: ((item: T, why: Undelivered) => void) | undefined
}

const isCapacity: OptionCheck = (value) =>
  (Number.isSafeInteger(value) && (value as number) >= 0) || value === Number.POSITIVE_INFINITY
    ? undefined
    : 'a whole number >= 0, or Infinity'
const channelChecks = { capacity: isCapacity, order: oneOf('fifo', 'lifo'), onUndelivered: func }
const receiveChecks = waitOptionChecks
const sendChecks = { signal: isSignal }
const closeModeCheck = oneOf('drain', 'discard')

const EMPTY = Object.freeze({ ok: false, closed: false })
const CLOSED = Object.freeze({ ok: false, closed: true })

// Counted over all channels, so that the oldest receivers of two of them can be compared.
let arrivals = 0

interface Receiver<T> {
  readonly waiter: Waiter<T>
  readonly arrival: number
}

interface BlockedSend<T> {
  readonly waiter: Waiter<void>
  readonly item: T
}

/**
 * Go's channel: a sent item is handed to a waiting receiver, else buffered, else the channel is full; receivers are served first
 * come, first served.
 *
 * At every step `sent = received + buffered + undelivered + removed`, and while anyone waits to receive nothing is buffered and
 * nobody waits to send. Items are not thenables: a promise would be followed on its way to the receiver.
 *
 * **Ends** by `close()`: what was sent before can still be received (`'drain'`), or is undelivered (`'discard'`).
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly capacity: number
  readonly #lifo: boolean
  readonly #onUndelivered: ((item: T, why: Undelivered) => void) | undefined
  readonly #buffer: IndexedList<T>
  readonly #receivers = new LinkedList<Receiver<T>>()
  readonly #senders = new LinkedList<BlockedSend<T>>()
  #closed = false

  /** @param places - Ours only: where the place of each item is noted. */
  constructor(options: ChannelOptions<T>, places?: Places<T>) {
    checkOptions('Channel', options, channelChecks)
    this.#buffer = new IndexedList(places)
    checkValue('Channel', 'capacity', options.capacity, isCapacity)
    this.capacity = options.capacity
    this.#lifo = options.order === 'lifo'
    this.#onUndelivered = options.onUndelivered
  }

  /** Items in the buffer. */
  get size(): number {
    return this.#buffer.size
  }

  /** Receivers that wait. */
  get receivers(): number {
    return this.#receivers.size
  }

  /** `send`s that wait for room. */
  get senders(): number {
    return this.#senders.size
  }

  get closed(): boolean {
    return this.#closed
  }

  /** When the receiver who is next came, as a number that grows with each receiver of any channel; `Infinity` when nobody waits. */
  get oldestArrival(): number {
    return this.#receivers.first?.value.arrival ?? Number.POSITIVE_INFINITY
  }

  /** Hands the item over or buffers it, now; with `'full'` and `'closed'` it stays the caller's. */
  trySend(item: T): SendResult {
    if (this.#closed) return 'closed'
    const receiver = this.#receivers.shift()
    if (receiver !== undefined) {
      receiver.value.waiter.resolve(item)
      return 'handed'
    }
    if (this.#buffer.size >= this.capacity) return 'full'
    this.#buffer.push(item)
    return 'buffered'
  }

  /** Go's `select` with a default: what can be neither handed over nor buffered is undelivered; false tells so. */
  sendOrDiscard(item: T): boolean {
    const result = this.trySend(item)
    if (result === 'handed' || result === 'buffered') return true
    this.#lose(item, result === 'full' ? 'overflow' : 'closed')
    return false
  }

  /**
   * Sends an item, waiting for room if there is none: the item is the channel's from the call on.
   *
   * **Fails** with `ERR_POOL_CHANNEL_CLOSED` on a closed channel. **Cancels** by `signal`. In both cases the item is undelivered.
   */
  async send(item: T, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    checkOptions('Channel.send', options, sendChecks)
    if (options.signal?.aborted) {
      this.#lose(item, 'cancelled')
      throw options.signal.reason
    }
    const result = this.trySend(item)
    if (result === 'closed') {
      this.#lose(item, 'closed')
      throw closedError()
    }
    if (result !== 'full') return
    const waiter = new Waiter<void>()
    const node = this.#senders.push({ waiter, item })
    waiter.arm(options, () => {
      this.#senders.remove(node)
      this.#lose(item, 'cancelled')
    })
    await waiter.promise
  }

  /** Takes an item if there is one now; `closed` tells that there never will be. */
  tryReceive(): TryReceiveResult<T> {
    const node = this.#lifo ? this.#buffer.pop() : this.#buffer.shift()
    if (node !== undefined) {
      this.#refill()
      return { ok: true, value: node.value }
    }
    const sender = this.#senders.shift()?.value
    if (sender === undefined) return this.#closed ? CLOSED : EMPTY
    sender.waiter.resolve()
    return { ok: true, value: sender.item }
  }

  /**
   * Takes an item, waiting in line for one if need be.
   *
   * **Fails** with `ERR_POOL_CHANNEL_CLOSED` once closed and drained, `ERR_POOL_CHANNEL_TIMEOUT` after `timeoutMs`, or the error
   * given to `rejectNext`. **Cancels** by `signal`; an item handed over before the abort is still received.
   */
  receive(options: WaitOptions = {}): Promise<T> {
    try {
      checkOptions('Channel.receive', options, receiveChecks)
    } catch (error) {
      return Promise.reject(error)
    }
    if (options.signal?.aborted) return Promise.reject(options.signal.reason)
    const taken = this.tryReceive()
    if (taken.ok) return Promise.resolve(taken.value)
    if (taken.closed) return Promise.reject(closedError())
    return this.join(options)
  }

  /**
   * Joins the receivers' line, for one who has checked the options and knows that there is nothing to take. `failure` says with what
   * it fails, given what ended the wait.
   */
  join(options: WaitOptions, failure?: (error: unknown) => unknown): Promise<T> {
    const waiter = new Waiter<T>(failure)
    arrivals += 1
    const node = this.#receivers.push({ waiter, arrival: arrivals })
    waiter.arm(options, () => this.#receivers.remove(node))
    return waiter.promise
  }

  /** The item that would be received next, left where it is. */
  peek(): T | undefined {
    return (this.#lifo ? this.#buffer.last : this.#buffer.first)?.value
  }

  /** Fails the oldest waiting receiver; false when nobody waits. */
  rejectNext(error: Error): boolean {
    const receiver = this.#receivers.shift()
    receiver?.value.waiter.reject(error)
    return receiver !== undefined
  }

  /** Takes a buffered item out, in O(1); false when it is not there. Of an object buffered twice it finds the later. */
  remove(item: T): boolean {
    const node = this.#buffer.find(item)
    if (node === undefined) return false
    this.#buffer.remove(node)
    this.#refill()
    return true
  }

  /**
   * Accepts nothing more and fails every waiting receiver; calling it again changes nothing, but for a `'discard'` after a `'drain'`.
   *
   * `'drain'` keeps what was sent before, blocked `send`s included, for those who still receive; `'discard'` makes it undelivered
   * and fails the blocked `send`s.
   */
  close(mode: 'drain' | 'discard' = 'drain'): void {
    checkValue('Channel.close', 'mode', mode, closeModeCheck)
    this.#closed = true
    while (this.rejectNext(closedError())) {
      // Until nobody waits.
    }
    if (mode === 'drain') return
    // One at a time, from the live lists: what a callback takes or removes meanwhile is no longer here.
    for (let node = this.#buffer.shift(); node !== undefined; node = this.#buffer.shift()) {
      this.#lose(node.value, 'closed')
    }
    for (let sender = this.#senders.shift(); sender !== undefined; sender = this.#senders.shift()) {
      sender.value.waiter.reject(closedError())
      this.#lose(sender.value.item, 'closed')
    }
  }

  /** Receives until the channel is closed and drained. Leaving the loop leaves the channel as it is. */
  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    const left = new AbortController()
    const done: IteratorReturnResult<undefined> = { done: true, value: undefined }
    return {
      next: () =>
        this.receive({ signal: left.signal }).then(
          (value) => ({ done: false, value }),
          (error: unknown) => {
            if (left.signal.aborted || isClosed(error)) return done
            throw error
          },
        ),
      return: () => {
        left.abort()
        return Promise.resolve(done)
      },
    }
  }

  /** After an item has left the buffer: its place is for whoever waits for one. */
  #refill(): void {
    const sender = this.#senders.shift()?.value
    if (sender === undefined) return
    this.#buffer.push(sender.item)
    sender.waiter.resolve()
  }

  #lose(item: T, why: Undelivered): void {
    contain(() => this.#onUndelivered?.(item, why))
  }
}

function closedError(): PoolError {
  return new PoolError('ERR_POOL_CHANNEL_CLOSED', 'The channel is closed')
}

function isClosed(error: unknown): boolean {
  return error instanceof PoolError && error.code === 'ERR_POOL_CHANNEL_CLOSED'
}
