import type { ProofState, ReuseProof, ReuseRule } from '@relay/core'
import { ReplyScanner } from './memcached-replies.js'
import { BROKEN, RequestScanner } from './memcached-requests.js'

const MAX_OUTSTANDING = 16_384
/** A request that waits is `keys * ANSWERS + answer`. */
const ANSWERS = 32

/**
 * A reuse rule for memcached's text protocol, classic and meta commands: proves that every request was answered.
 *
 * - **Passes** (`idle`): get, gets, gat, gats, set, add, replace, append, prepend, cas, delete, touch, incr, decr, version, verbosity,
 *   flush_all, stats (also items, slabs, sizes, settings, conns, reset), mg, ms, md, ma, me, mn. memcached keeps nothing for a
 *   connection that sent them, so there is nothing to reset, and the state is never `dirty`.
 * - **Taints** (`tainted`): `noreply` and the meta flag `q`, which are answered or not; watch and other streams; quit; any command
 *   not listed; the binary protocol; any request that is not in canonical form; more than 16,384 requests outstanding; any answer that
 *   is malformed, early, or the answer to nothing; any ERROR, CLIENT_ERROR and SERVER_ERROR, because memcached may take the data block
 *   that it did not want for commands and answer again — except that what was to be incremented is no number.
 *
 * `down` is false for bytes that answer nothing, also those that come before a request is whole (memcached sends none), and for bytes
 * that can't be part of the answer, for the whole chunk that has them. It stays true after a taint by the session's own doing.
 *
 * *Not provable from the wire*: behind `-Y` the first `set` of a connection logs it in, and looks like any other. Do not use this rule
 * with password log-in.
 */
export function memcached(): ReuseRule {
  return { name: 'memcached', open: () => new MemcachedProof() }
}

/** Watches one connection over all its leases. What was asked decides how an answer ends, so it waits in a queue. */
class MemcachedProof implements ReuseProof {
  readonly #requests = new RequestScanner()
  readonly #replies = new ReplyScanner()
  /** Requests that wait for their answer, oldest at `#first`. */
  readonly #waiting: number[] = []
  #first = 0
  #tainted = false
  /** By bytes that were not this session's: none is, from then on. */
  #foreign = false

  get state(): ProofState {
    if (this.#tainted) return 'tainted'
    if (this.#requests.partial) return 'partial'
    return this.#first < this.#waiting.length ? 'busy' : 'idle'
  }

  up(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      at = this.#requests.next(chunk, at)
      if (at < 0) {
        this.#tainted = at === BROKEN
        return
      }
      if (this.#waiting.length - this.#first >= MAX_OUTSTANDING) this.#tainted = true
      else this.#asked(this.#requests.keys * ANSWERS + this.#requests.answer)
    }
  }

  down(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      at = this.#first < this.#waiting.length ? this.#replies.next(chunk, at) : BROKEN
      if (at < 0) {
        this.#foreign = at === BROKEN
        this.#tainted = this.#foreign
        break
      }
      this.#tainted = this.#replies.failed
      this.#answered()
    }
    return !this.#foreign
  }

  #asked(request: number): void {
    this.#waiting.push(request)
    if (this.#waiting.length - this.#first === 1) this.#expect(request)
  }

  #answered(): void {
    this.#first++
    if (this.#first === this.#waiting.length || this.#first === MAX_OUTSTANDING) {
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    }
    const request = this.#waiting[this.#first]
    if (request !== undefined) this.#expect(request)
  }

  #expect(request: number): void {
    this.#replies.expect(request % ANSWERS, Math.floor(request / ANSWERS))
  }
}
