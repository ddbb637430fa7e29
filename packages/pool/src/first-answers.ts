import { LinkedList, type ListNode } from './linked-list.js'
import type { PooledConnection } from './pooled-connection.js'

const LOOK_EVERY_MS = 100
const YOUNG_LOOKS = 10
const LATE_MS = 250
const LONG_MS = 10_000

/** One lease whose first answer is outstanding. */
export interface Awaited {
  readonly item: PooledConnection
  /** Whether the connection was open before the client came, and may have died unseen. */
  readonly wasOpen: boolean
  ended: boolean
  place: ListNode<Awaited> | undefined
  looks: number
  /** When it was first seen to have sent something. */
  sentAt: number | undefined
  judged: boolean
}

export interface FirstAnswersHost {
  /** A client has sent something. */
  used(): void
  /** An answer, or more than one, is late. Told with each look, for as long as it is. */
  late(): void
  /** Of a connection that was open before its client came, there was no answer within `silentMs` of what it sent. */
  silent(awaited: Awaited): void
}

/**
 * Looks after leases from their beginning to their first answer, ten times a second, and off the path of the bytes: what it looks at was
 * counted by the sockets. One that is a second old is looked at once a second.
 */
export class FirstAnswers {
  readonly #host: FirstAnswersHost
  readonly #silentMs: number
  readonly #young = new LinkedList<Awaited>()
  readonly #old = new LinkedList<Awaited>()
  #timer: NodeJS.Timeout | undefined
  #looks = 0

  /** @param silentMs - 0: any time. */
  constructor(silentMs: number, host: FirstAnswersHost) {
    this.#silentMs = silentMs
    this.#host = host
  }

  began(item: PooledConnection, wasOpen: boolean): Awaited {
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
    const awaited: Awaited = {
      item,
      wasOpen,
      ended: false,
      place: undefined,
      looks: 0,
      sentAt: undefined,
      judged: false,
    }
    awaited.place = this.#young.push(awaited)
    return awaited
  }

  ended(awaited: Awaited): void {
    awaited.ended = true
    leave(awaited)
    if (awaited.sentAt === undefined && awaited.item.sentBytes > 0) this.#host.used()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    let anyLate = false
    for (const awaited of [...this.#young]) {
      if (this.#isLate(awaited, now)) anyLate = true
      if (++awaited.looks < YOUNG_LOOKS || awaited.place === undefined) continue
      leave(awaited)
      awaited.place = this.#old.push(awaited)
    }
    if (++this.#looks % YOUNG_LOOKS === 0) {
      for (const awaited of [...this.#old]) if (this.#isLate(awaited, now)) anyLate = true
    }
    if (anyLate) this.#host.late()
    if (this.#young.size + this.#old.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #isLate(awaited: Awaited, now: number): boolean {
    const { item, wasOpen } = awaited
    if (awaited.sentAt === undefined) {
      if (!(item.sentBytes > 0)) return false
      awaited.sentAt = now
      this.#host.used()
    }
    if (item.answered) {
      leave(awaited)
      return false
    }
    const waitedMs = now - awaited.sentAt
    if (wasOpen && !awaited.judged && this.#silentMs > 0 && waitedMs >= this.#silentMs) {
      awaited.judged = true
      this.#host.silent(awaited)
    }
    if (waitedMs >= Math.max(this.#silentMs, LONG_MS)) leave(awaited)
    return waitedMs >= LATE_MS
  }
}

function leave(awaited: Awaited): void {
  const { place } = awaited
  awaited.place = undefined
  place?.list?.remove(place)
}
