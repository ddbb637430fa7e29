import type { Goodbye, ProofState, ReuseProof, ReuseRule } from '@relay/core'
import { ReplyScanner } from './memcached-replies.js'
import { BROKEN, RequestScanner } from './memcached-requests.js'

const MAX_OUTSTANDING = 16_384
/** A request that waits is `keys * REQUESTS + answer`, behind a quiet one `+ AFTER_QUIET`. */
const REQUESTS = 64
const AFTER_QUIET = 32
const RESET_TIMEOUT_MS = 1_000

const LF = 0x0a
const QUIT = 'quit\r\n'
const GOODBYE: Goodbye = { bytes: QUIT.length, answer: Buffer.alloc(0) }

/**
 * A reuse rule for memcached's text protocol, classic and meta commands: proves that every request was answered.
 *
 * - **Passes** (`idle`): get, gets, gat, gats, set, add, replace, append, prepend, cas, delete, touch, incr, decr, version, verbosity,
 *   flush_all, stats (also items, slabs, sizes, settings, conns, reset), mg, ms, md, ma, me, mn. memcached keeps nothing for a
 *   connection that sent them.
 * - **Dirties** (`dirty`): `noreply`, until the next answer, which comes in order, shows that there was no error. The reset asks for one
 *   by `mn` (1.6); an older server refuses it, and the connection is not kept. A number over 2,147,483,647 together with it taints.
 * - **Says goodbye**: `quit` in canonical form, when nothing follows it. Sent to the server it taints.
 * - **Taints** (`tainted`): the meta flag `q`, which is answered or not; watch and other streams; any command not listed; the binary protocol; any request that is not in canonical form; more than 16,384 requests outstanding; any answer that
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
  return {
    name: 'memcached',
    open: () => new MemcachedProof(),
    reset: { send: Buffer.from('mn\r\n'), timeoutMs: RESET_TIMEOUT_MS },
  }
}

/** Watches one connection over all its leases. What was asked decides how an answer ends, so it waits in a queue. */
class MemcachedProof implements ReuseProof {
  readonly #requests = new RequestScanner()
  readonly #replies = new ReplyScanner()
  /** Requests that wait for their answer, oldest at `#first`. */
  readonly #waiting: number[] = []
  #first = 0
  /** Behind the last one that waits come some that are not answered, unless by an error. */
  #quiet = false
  #tainted = false
  /** By bytes that were not this session's: none is, from then on. */
  #foreign = false

  get state(): ProofState {
    if (this.#tainted) return 'tainted'
    if (this.#requests.partial) return 'partial'
    if (this.#first < this.#waiting.length) return 'busy'
    return this.#quiet ? 'dirty' : 'idle'
  }

  goodbye(chunk: Buffer): Goodbye | undefined {
    const at = chunk.length - QUIT.length
    return chunk.at(-1) === LF && at >= 0 && chunk.toString('latin1', at) === QUIT ? GOODBYE : undefined
  }

  up(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      at = this.#requests.next(chunk, at)
      if (at < 0) {
        this.#tainted = at === BROKEN
        return
      }
      if (this.#requests.quiet) this.#quiet = true
      else if (this.#waiting.length - this.#first >= MAX_OUTSTANDING) this.#tainted = true
      else this.#asked(this.#requests.keys * REQUESTS + this.#requests.answer)
    }
  }

  down(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      if (this.#first === this.#waiting.length) return this.#unasked(chunk, at)
      at = this.#replies.next(chunk, at)
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

  /** Bytes while no request waits: an error of a quiet one, or none of this session's. */
  #unasked(chunk: Buffer, at: number): boolean {
    this.#tainted = true
    if (this.#quiet) this.#replies.expect(0, 0, true)
    this.#foreign = !this.#quiet || this.#replies.next(chunk, at) === BROKEN
    return !this.#foreign
  }

  #asked(request: number): void {
    this.#waiting.push(request + (this.#quiet ? AFTER_QUIET : 0))
    this.#quiet = false
    if (this.#waiting.length - this.#first === 1) this.#expect()
  }

  #answered(): void {
    this.#first++
    if (this.#first === this.#waiting.length || this.#first === MAX_OUTSTANDING) {
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    }
    if (this.#first < this.#waiting.length) this.#expect()
  }

  #expect(): void {
    const request = this.#waiting[this.#first] as number
    const answer = request % AFTER_QUIET
    this.#replies.expect(answer, Math.floor(request / REQUESTS), request % REQUESTS !== answer)
  }
}
