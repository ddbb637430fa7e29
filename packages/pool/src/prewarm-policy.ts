const SHORT_MS = 1_000
const LONG_MS = 10_000
const HEADROOM = 1.5
const SAFE_SHARE = 0.7
const FORGET = 1.1
const SHORTEST_LIFE_MS = 100
const FIRST_PAUSE_MS = 500
const MAX_PAUSE_MS = 60_000
const MAX_UNUSED = 16
const SSH = Buffer.from('SSH-')

/**
 * How many connections to keep open ahead of clients, and how long.
 *
 * `auto` is Little's law (L = λW): the clients that arrive while one connection is dialed, for the faster of a short and a long moving
 * average of the arrivals, half as much again, and one. Whatever the size, an upstream that closes connections nobody has used yet is
 * given them for less long than that, and after each that was opened in vain, until a client comes, with growing pauses.
 *
 * Each that such an upstream is given in vain may count against us there, and so may each that ends behind a greeting: a log-in that was
 * given up. After 16 of them, or as many as were asked for, none is opened until a client has used one.
 */
export class PrewarmPolicy {
  readonly #size: number | 'auto'
  readonly #maxAgeMs: number
  readonly #onPauseOver: () => void
  readonly #now: () => number
  #lastArrivalAt: number
  #short = 0
  #long = 0
  #dialMs = 0
  #shortestLifeMs = Number.POSITIVE_INFINITY
  #pauseTimer: NodeJS.Timeout | undefined
  #wasted = 0
  #isSsh = false
  /** Opened in vain since a client has used one. */
  #unused = 0

  constructor(
    size: number | 'auto',
    maxAgeMs: number,
    onPauseOver: () => void,
    now: () => number = () => performance.now(),
  ) {
    this.#size = size
    this.#maxAgeMs = maxAgeMs
    this.#onPauseOver = onPauseOver
    this.#now = now
    this.#lastArrivalAt = now()
  }

  /** Connections to keep ready now. */
  get target(): number {
    if (this.#pauseTimer !== undefined || this.#isSsh) return 0
    const size = this.#wanted
    return Math.max(0, Math.min(size, Math.max(MAX_UNUSED, size) - this.#unused))
  }

  /** Why none is opened, if it is not for a pause alone. */
  get heldBack(): 'ssh' | 'unused' | undefined {
    if (this.#isSsh) return 'ssh'
    return this.#unused >= Math.max(MAX_UNUSED, this.#wanted) ? 'unused' : undefined
  }

  /** How long a dial takes, smoothed. */
  get dialMs(): number {
    return this.#dialMs
  }

  get #wanted(): number {
    if (this.#size !== 'auto') return this.#size
    const elapsed = this.#now() - this.#lastArrivalAt
    const perMs = Math.max(
      this.#short * Math.exp(-elapsed / SHORT_MS),
      this.#long * Math.exp(-elapsed / LONG_MS),
    )
    return Math.ceil(perMs * this.#dialMs * HEADROOM) + 1
  }

  /** How long a connection may wait unused: below the shortest time after which the upstream closed one. */
  get maxAgeMs(): number {
    const learnt = this.#shortestLifeMs * SAFE_SHARE
    return this.#maxAgeMs > 0 ? Math.min(this.#maxAgeMs, learnt) : Number.isFinite(learnt) ? learnt : 0
  }

  /** A client came for a connection. */
  arrived(): void {
    const now = this.#now()
    const elapsed = now - this.#lastArrivalAt
    this.#lastArrivalAt = now
    this.#short = this.#short * Math.exp(-elapsed / SHORT_MS) + 1 / SHORT_MS
    this.#long = this.#long * Math.exp(-elapsed / LONG_MS) + 1 / LONG_MS
    this.#wasted = 0
    this.#endPause()
  }

  /** A client has sent something on a connection; returns whether more may be opened than before. */
  used(): boolean {
    const held = this.#unused > 0
    this.#unused = 0
    return held
  }

  /**
   * The upstream has spoken first. An SSH server turns clients away at random while ten connections have not logged in, its own ones and
   * others', and nobody tells us of those others.
   */
  greeted(greeting: Buffer): void {
    this.#isSsh ||= greeting.subarray(0, SSH.length).equals(SSH)
  }

  dialed(ms: number): void {
    this.#dialMs = this.#dialMs === 0 ? ms : this.#dialMs * 0.8 + ms * 0.2
  }

  /** A connection ended that nobody had used: by the upstream, or because it was too old; `greeted`: the upstream had spoken first. */
  wasted(lifeMs: number, byUpstream: boolean, greeted = false): void {
    if (byUpstream) this.#shortestLifeMs = Math.min(this.#shortestLifeMs, Math.max(lifeMs, SHORTEST_LIFE_MS))
    // It may have been a restart, and not a rule of the upstream: what was learnt is tried again, a little longer each time.
    else this.#shortestLifeMs *= FORGET
    if (this.#shortestLifeMs * SAFE_SHARE > this.#maxAgeMs && this.#maxAgeMs > 0)
      this.#shortestLifeMs = Number.POSITIVE_INFINITY
    const closedEarly = Number.isFinite(this.#shortestLifeMs)
    if (closedEarly || byUpstream || greeted) this.#unused++
    // As long as none is closed on us early, opening new ones for old is what was asked for.
    if (!closedEarly) return
    // Those opened together end together: one pause for all of them.
    if (this.#pauseTimer !== undefined) return
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#wasted++, MAX_PAUSE_MS)
    this.#pauseTimer = setTimeout(() => this.#endPause(), pauseMs)
    this.#pauseTimer.unref()
  }

  stop(): void {
    clearTimeout(this.#pauseTimer)
  }

  #endPause(): void {
    if (this.#pauseTimer === undefined) return
    clearTimeout(this.#pauseTimer)
    this.#pauseTimer = undefined
    this.#onPauseOver()
  }
}
