import { LinkedList, type ListNode } from './linked-list.js'
import type { PooledConnection } from './pooled-connection.js'

const LOOK_EVERY_MS = 100
const YOUNG_LOOKS = 10
const LATE_MS = 250

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
  late: boolean
}

export interface FirstAnswersHost {
  /** A client has sent something. */
  used(): void
  /** An answer is late. */
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
      late: false,
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
    for (const awaited of [...this.#young]) {
      this.#lookAt(awaited, now)
      if (++awaited.looks < YOUNG_LOOKS || awaited.place === undefined) continue
      leave(awaited)
      awaited.place = this.#old.push(awaited)
    }
    if (++this.#looks % YOUNG_LOOKS === 0) for (const awaited of [...this.#old]) this.#lookAt(awaited, now)
    if (this.#young.size + this.#old.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #lookAt(awaited: Awaited, now: number): void {
    const { item, wasOpen } = awaited
    if (awaited.sentAt === undefined) {
      if (!(item.sentBytes > 0)) return
      awaited.sentAt = now
      this.#host.used()
    }
    if (item.answered) return leave(awaited)
    const waitedMs = now - awaited.sentAt
    if (!awaited.late && waitedMs >= LATE_MS) {
      awaited.late = true
      this.#host.late()
    }
    const isJudged = wasOpen && this.#silentMs > 0
    if (isJudged ? waitedMs < this.#silentMs : !awaited.late) return
    leave(awaited)
    if (isJudged) this.#host.silent(awaited)
  }
}

function leave(awaited: Awaited): void {
  const { place } = awaited
  awaited.place = undefined
  place?.list?.remove(place)
}
