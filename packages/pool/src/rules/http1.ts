import { inspect } from 'node:util'
import type { ProofState, ReuseProof, ReuseRule } from '@relay/core'
import { AnswerHead, STRAY } from './http-answer-head.js'
import { BodyScanner } from './http-body.js'
import { BROKEN } from './http-fields.js'
import { RequestHead } from './http-request-head.js'
import { CONNECT, HEAD, SAFE, type Vocabulary, vocabulary } from './http-vocabulary.js'

export interface Http1Options {
  /**
   * More methods that leave nothing on the connection and are answered exactly once, such as `'PURGE'`; they are
   * case-sensitive. `CONNECT` is refused.
   * @default []
   */
  readonly methods?: readonly string[] | undefined
  /**
   * More `Authorization` schemes that prove each request for itself, such as `'PrivateToken'`; upper or lower case. NTLM,
   * Negotiate and Kerberos are refused.
   * @default []
   */
  readonly schemes?: readonly string[] | undefined
}

const MAX_OUTSTANDING = 1_000
const MAX_INTERIM = 16

/** Beside the methods' bits: the answer to what cannot be followed, and to a request whose head is not yet complete. */
const OPAQUE = 16
const REFUSAL = 32

/**
 * A reuse rule for HTTP/1.1: proves that each request on a connection was answered exactly, and that nothing of a
 * session stays behind.
 *
 * - **Passes** (`idle`): requests with the methods of RFC 9110 and WebDAV, pipelined or not, their bodies by one
 *   `Content-Length` or by chunks; answers in the same form, also to HEAD, 204 and 304, after up to 16 of 100, 102 and
 *   103. Cookies, Basic, Bearer and their like are each request's own.
 * - **Taints** (`tainted`): CONNECT and unknown methods; `Upgrade`; `Connection: close` in either direction, for the server
 *   will end the connection; any other word in `Connection` or `Expect` but the usual; an `Authorization` scheme not listed
 *   (NTLM and Negotiate authenticate the *connection*), and the challenge to one of those; HTTP/1.0; a body with a method
 *   that defines none (GET, HEAD, DELETE, TRACE); a body that ends with the connection; an answer that is complete before
 *   its request; more than 1,000 requests outstanding. And all that two parsers might understand differently: both
 *   lengths, two lengths, a length that is not plain digits, any other coding than exactly `chunked`, folded lines, lone CR
 *   or LF, a space before a colon, control bytes, more than 64 KiB of head.
 * - **Ends with its client**: any request but those of the safe methods (GET, HEAD, OPTIONS, TRACE, QUERY, PROPFIND, REPORT, SEARCH). It
 *   may be a long poll, whose message is lost with a client that has left; or work that the server gives up for nobody.
 *
 * `down` is false for bytes that answer nothing, and for an answer that does not begin with an HTTP/1 status line, for the
 * whole chunk that has them. It stays true after a taint by the session's own doing: its answers are followed on as far
 * as that is possible, and then anything passes on a connection that is its own. Before a request's head is complete only
 * an error (4xx, 5xx) may answer it; once it is, any answer may.
 *
 * *Not provable from the wire*: whether the server finds the end of a request where RFC 9112 has it. One that ignores
 * bodies takes them for further requests; its answer to those is noticed as surplus unless it comes so late that the next
 * session has asked already. The same holds for a server that answers twice, or sends 408 to a connection at rest in the very
 * moment in which the next session asks.
 */
export function http1(options: Http1Options = {}): ReuseRule {
  for (const key of Object.keys(options)) {
    if (key !== 'methods' && key !== 'schemes') {
      throw new TypeError(`Unknown option \`${key}\` of http1(), accepted: \`methods\`, \`schemes\``)
    }
  }
  const known = vocabulary(checked('methods', options.methods), checked('schemes', options.schemes))
  return { name: 'http1', open: () => new Http1Proof(known) }
}

function checked(option: string, names: unknown = []): readonly string[] {
  if (!Array.isArray(names) || !names.every(isToken)) {
    throw new TypeError(`Expected \`${option}\` to be an array of tokens like 'PURGE', got ${inspect(names)}`)
  }
  return names
}

function isToken(name: unknown): name is string {
  return typeof name === 'string' && /^[!#$%&'*+\-.^_`|~0-9a-z]{1,64}$/i.test(name)
}

/**
 * Watches one connection over all its leases. A request waits for its answer from the end of its head on; what waits is
 * the bits of its method.
 */
class Http1Proof implements ReuseProof {
  readonly #request: RequestHead
  readonly #requestBody: BodyScanner
  readonly #answer: AnswerHead
  readonly #answerBody: BodyScanner
  /** Of the requests whose answers are outstanding, the oldest first. */
  readonly #outstanding: number[] = []
  /** What the answer being read is the answer to. */
  #answering = 0
  #interim = 0
  #inRequestBody = false
  #inAnswerBody = false
  #tainted = false
  /** Where requests begin is not known any more; where answers do. */
  #requestsLost = false
  #answersLost = false
  /** By bytes that were not this session's: none is, from then on. */
  #foreign = false

  constructor(known: Vocabulary) {
    this.#request = new RequestHead(known)
    this.#requestBody = new BodyScanner(this.#request.fields)
    this.#answer = new AnswerHead(known.words)
    this.#answerBody = new BodyScanner(this.#answer.fields)
  }

  get state(): ProofState {
    if (this.#tainted) return 'tainted'
    if (this.#inRequestBody || this.#request.begun) return 'partial'
    return this.#outstanding.length > 0 ? 'busy' : 'idle'
  }

  get endsWithClient(): boolean {
    return this.#outstanding.some((method) => (method & SAFE) === 0)
  }

  up(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#requestsLost) {
      at = this.#inRequestBody ? this.#requestBody.next(chunk, at) : this.#request.next(chunk, at)
      if (at === BROKEN) return this.#loseRequests()
      if (!this.#inRequestBody && this.#request.tainted) this.#tainted = true
      if (at < 0) return
      if (this.#inRequestBody) this.#inRequestBody = false
      else this.#headSent()
    }
  }

  down(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length && !this.#answersLost) {
      if (this.#inAnswerBody) {
        at = this.#answerBody.next(chunk, at)
        if (at >= 0) this.#answered()
      } else {
        if (!this.#answer.begun && !this.#expect()) return this.#stray()
        if (this.#answersLost) break
        at = this.#answer.next(chunk, at)
        if (at === STRAY) return this.#stray()
        if (at >= 0) this.#headReceived()
      }
      if (at === BROKEN) this.#loseAnswers()
      if (at < 0) break
    }
    return !this.#foreign
  }

  #headSent(): void {
    const { method, fields } = this.#request
    this.#outstanding.push(method)
    // What follows a CONNECT is not HTTP, or is, as the answer says.
    if ((method & CONNECT) !== 0 || this.#outstanding.length > MAX_OUTSTANDING) return this.#loseRequests()
    this.#inRequestBody = fields.chunked || fields.length > 0
    if (this.#inRequestBody) this.#requestBody.begin()
  }

  /** An answer begins: what it is to; `false`: to nothing. */
  #expect(): boolean {
    if (this.#outstanding.length > 0) this.#answering = this.#outstanding[0] as number
    else if (this.#requestsLost) this.#answering = OPAQUE
    else if (this.#request.begun) this.#answering = REFUSAL
    else return false
    // Who never said HTTP/1 speaks something else, and is answered in that.
    if (this.#answering === OPAQUE && !this.#request.versioned) this.#loseAnswers()
    if (this.#answering === REFUSAL) this.#tainted = true
    this.#answer.expect(this.#answering === REFUSAL ? 4 : 1)
    return true
  }

  #headReceived(): void {
    const { status, fields, tainted } = this.#answer
    if (tainted) this.#tainted = true
    const counted = fields.chunked || fields.length > 0
    if ((this.#answering & (OPAQUE | REFUSAL)) !== 0) this.#loseAnswers()
    else if (status < 200) this.#interimReceived(status)
    else if ((this.#answering & CONNECT) !== 0 && status < 300) this.#loseAnswers()
    else if ((this.#answering & HEAD) !== 0 || status === 304) this.#answered()
    else if (status === 204 && counted) this.#loseAnswers()
    else if (counted) {
      this.#inAnswerBody = true
      this.#answerBody.begin()
    } else if (fields.length === 0 || status === 204) this.#answered()
    // It ends when the connection does.
    else this.#loseAnswers()
  }

  #interimReceived(status: number): void {
    const { chunked, length } = this.#answer.fields
    if (status === 101 || chunked || length >= 0) this.#loseAnswers()
    else if (++this.#interim > MAX_INTERIM || status > 103) this.#tainted = true
  }

  #answered(): void {
    this.#inAnswerBody = false
    this.#interim = 0
    this.#outstanding.shift()
    // Only the last request can be half sent.
    if (this.#inRequestBody && this.#outstanding.length === 0) this.#tainted = true
  }

  #loseRequests(): void {
    this.#tainted = true
    this.#requestsLost = true
  }

  #loseAnswers(): void {
    this.#loseRequests()
    this.#answersLost = true
  }

  /** Bytes that answer no request of this session. */
  #stray(): false {
    this.#loseAnswers()
    this.#foreign = true
    return false
  }
}
