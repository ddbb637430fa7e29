const ASK_EVERY_MS = 1_000
const ASK_SELDOM_MS = 10 * 60_000
const FIRST_REST_MS = 60_000
const LONGEST_REST_MS = 60 * 60_000

const PATIENCE_MS = 250
const PATIENCE_AGAIN_MS = 50
const PATIENCE_CLEARED_MS = 300
// A SYN that a full backlog dropped comes again after a second.
const PATIENCE_UNOPENED_MS = 2_000
// A dial is one round trip; a guest is noticed within two.
const PATIENCE_DIALS = 4

type State =
  | { readonly kind: 'open' | 'trying' }
  | { readonly kind: 'asking' | 'asking again'; readonly idle: number }
  | { readonly kind: 'cleared' | 'watching' }
  | { readonly kind: 'crowded'; readonly until: number }

/**
 * Whether an upstream has room for others while connections of ours are open that say nothing. A server with one worker has none: it
 * waits for the first connection that it accepted to speak, and all the others wait for that.
 *
 * It is asked by a guest: one more connection, which sends FIN at once. Who accepts and reads it answers, be it by its own FIN; who
 * answers only after the idle ones were closed has no room.
 *
 * ```text
 *          idle ones beside which none was asked for,           not noticed: the idle
 *          or a late answer                                     ones are closed
 *   open ─────────────────────▶ asking ──────────────────────────────▶ cleared: none is opened
 *    ▲ ▲                          │                                     │   │
 *    │ └──────── noticed ─────────┘                         not noticed │   │
 *    │                                                                  ▼   │ noticed, now
 *    ├──── never noticed: it answers no FIN ──────────────────── watching   │
 *    │                                                                  │   ▼
 *    │                    trying ◀── a minute, up to an hour, then ── crowded: none is opened
 *    │                      │        a client                           ▲
 *    │                      │ the first is idle                         │ not noticed: twice as long
 *    └───── noticed ── asking again ────────────────────────────────────┘
 * ```
 *
 * Knows no sockets and no timers.
 */
export class UpstreamRoom {
  readonly #now: () => number
  #state: State = { kind: 'open' }
  /** Beside so many idle connections a guest was noticed. */
  #roomBeside = 0
  #askEveryMs = ASK_EVERY_MS
  #askAt = 0
  #restMs = FIRST_REST_MS
  #crowdedUntil = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** No connection may be open before its client comes. */
  get holdsBack(): boolean {
    return this.#state.kind === 'cleared' || this.crowded
  }

  /** The upstream has shown that it has no room. */
  get crowded(): boolean {
    return this.#state.kind === 'crowded'
  }

  /** Whether it is tried again, after it had no room: then it is asked as soon as one connection is idle. */
  get trying(): boolean {
    return this.#state.kind === 'trying'
  }

  /** How long the guest may stay unnoticed, where a dial takes so long; it may not even be open. */
  patienceMs(dialMs: number, isOpen: boolean): number {
    const { kind } = this.#state
    if (kind === 'watching' || (kind === 'cleared' && !isOpen)) return PATIENCE_UNOPENED_MS
    if (kind === 'cleared') return Math.max(PATIENCE_CLEARED_MS, PATIENCE_DIALS * dialMs)
    return Math.max(kind === 'asking again' ? PATIENCE_AGAIN_MS : PATIENCE_MS, PATIENCE_DIALS * dialMs)
  }

  /**
   * Whether to send a guest now: because connections are idle, or because an answer is late while they are. If so, the guest is to be
   * sent, and {@link noticed}, {@link unnoticed} or {@link failed} called.
   */
  ask(cause: 'idle' | 'late', idle: number): boolean {
    const { kind } = this.#state
    if (idle === 0 || !(kind === 'open' || kind === 'trying')) return false
    if (kind === 'trying') {
      this.#state = { kind: 'asking again', idle }
      return true
    }
    if (cause === 'idle' && idle <= this.#roomBeside) return false
    if (this.#now() < this.#askAt) return false
    this.#state = { kind: 'asking', idle }
    if (cause === 'idle') return true
    // Upstreams that are slow to answer are asked again and again: soon at first, then more and more rarely.
    this.#askAt = this.#now() + this.#askEveryMs
    this.#askEveryMs = Math.min(2 * this.#askEveryMs, ASK_SELDOM_MS)
    return true
  }

  /** The upstream has noticed the guest. */
  noticed(): void {
    const state = this.#state
    if (state.kind === 'cleared' || state.kind === 'watching') this.#rest()
    else if ('idle' in state) {
      this.#roomBeside = Math.max(this.#roomBeside, state.idle)
      this.#state = { kind: 'open' }
    }
  }

  /** The upstream has not noticed the guest in all the {@link patienceMs}. Returns whether to wait on. */
  unnoticed(): boolean {
    const { kind } = this.#state
    if (kind === 'asking again') this.#rest()
    else if (kind === 'asking') this.#state = { kind: 'cleared' }
    // What is opened from here on comes behind the guest: it is not in its way.
    else if (kind === 'cleared') this.#state = { kind: 'watching' }
    else if (kind === 'watching') {
      // Asked again soon, it would cost the idle connections each time.
      this.#askAt = this.#now() + ASK_SELDOM_MS
      this.#state = { kind: 'open' }
    }
    return this.#state.kind === 'cleared' || this.#state.kind === 'watching'
  }

  /** There was no guest to notice: the upstream could not be reached, or the pool has no connection to spare. */
  failed(): void {
    const { kind } = this.#state
    if (kind === 'asking again') this.#state = { kind: 'crowded', until: this.#now() + this.#restMs }
    else if (kind !== 'crowded') this.#state = { kind: 'open' }
  }

  /** A client has used a connection; returns whether connections may be opened ahead again, for a try. */
  used(): boolean {
    if (this.#state.kind !== 'crowded' || this.#now() < this.#state.until) return false
    this.#state = { kind: 'trying' }
    return true
  }

  #rest(): void {
    const now = this.#now()
    // One that has room at times, while few of its workers are busy, say, is not tried each minute.
    if (now - this.#crowdedUntil > LONGEST_REST_MS) this.#restMs = FIRST_REST_MS
    this.#crowdedUntil = now + this.#restMs
    this.#state = { kind: 'crowded', until: this.#crowdedUntil }
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS)
    this.#roomBeside = 0
  }
}
