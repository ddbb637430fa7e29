import { inspect } from 'node:util'
import type { Goodbye, ProofState, ReuseProof, ReuseRule } from '@relay/core'
import { BlockingRequests } from './redis-blocking.js'
import {
  BLOCKING,
  CLOSE,
  type CommandTrie,
  commandTrie,
  DIRTY,
  HELLO,
  IF_REFUSED,
  LIB_NAME,
  MULTI,
  OPEN,
  RESET,
  STATELESS,
  TAINT,
} from './redis-commands.js'
import { RedisReset, WHOLE_RESET } from './redis-reset.js'
import { BEYOND, ReplyScanner, wordOf } from './resp-replies.js'
import { BROKEN, RequestScanner } from './resp-requests.js'

export interface RedisOptions {
  /**
   * More commands that leave nothing on the connection and are answered exactly once, such as a module's:
   * `'JSON.GET'`, or with a subcommand `'TOPK INFO'`; upper or lower case. A command that is known to hold
   * state is refused.
   * @default []
   */
  readonly stateless?: readonly string[] | undefined
}

const MAX_OUTSTANDING = 1_000_000
const MAX_MARKS = 4_096
/** A mark is `number * MARKS + verdict`, of what empties its attribute `+ EMPTIES`. */
const MARKS = 16
const EMPTIES = 4
const RESET_TIMEOUT_MS = 1_000

const ERROR = 0x2d
const SIMPLE = 0x2b
const ARRAY = 0x2a
const MAP = 0x25
const OK_WORD = wordOf('OK')
const ERR_WORD = wordOf('ERR')
const RESET_WORD = wordOf('RESET')
const QUIT = '*1\r\n$4\r\nquit\r\n'
const GOODBYE: Goodbye = { bytes: QUIT.length, answer: Buffer.from('+OK\r\n') }

/**
 * A reuse rule for Redis and Valkey, RESP2 and RESP3: proves that a connection was left as it was found.
 *
 * - **Passes** (`idle`): commands that leave nothing on the connection, each answered exactly once.
 * - **Dirties** (`dirty`): HELLO, AUTH, SELECT, READONLY, READWRITE, ASKING, CLIENT SETNAME and NO-TOUCH; MULTI
 *   and WATCH until EXEC or DISCARD is answered without an error; CLIENT SETINFO, unless it is refused. `RESET`
 *   (6.2) takes back all but the last; an older server refuses it, once for all connections of this rule: from
 *   then on they are closed when they are dirty. A CLIENT SETINFO that empties lib-name or lib-ver goes before it
 *   where one was set, while the session's user may still send it. It must be answered `+OK`; any other answer
 *   taints: a transaction that was left open only queues it, a user may lack the permission. In the whole reset
 *   both are emptied, and `-ERR` will do where nothing was set, for Redis before 7.2 has neither name.
 * - **Ends with its client**: what blocks (BLPOP and its family, XREAD and XREADGROUP with BLOCK, WAIT, WAITAOF),
 *   unless MULTI has it queued.
 * - **Says goodbye**: QUIT in canonical form, upper or lower case, when nothing follows it. It is answered `+OK`
 *   here. Sent to the server it taints.
 * - **Taints** (`tainted`): what leaves more than RESET removes, or is not answered exactly once (SUBSCRIBE,
 *   MONITOR, CLIENT REPLY, CLIENT TRACKING, …); any command not listed; any request that is not in
 *   canonical form, so inline commands too; any reply that is malformed, early, a push, or the answer to
 *   nothing; more than a million requests outstanding.
 *
 * `down` is false for bytes that answer nothing and for bytes that are no RESP, for the whole chunk that has
 * them. It stays true after a taint by the session's own doing: a subscriber goes on receiving, on a
 * connection that is its own.
 *
 * *Not provable from the wire*: a connection keeps its client id, which HELLO tells, so a CLIENT KILL,
 * UNBLOCK or REDIRECT by an id of yesterday reaches today's session; one opened before `requirepass` was set
 * stays logged in, as every open connection does; a user that the server took from the TLS certificate is
 * gone after RESET.
 */
export function redis(options: RedisOptions = {}): ReuseRule {
  const commands = commandTrie(checked(options))
  const reset = new RedisReset()
  return {
    name: 'redis',
    open: () => new RedisProof(commands, reset),
    reset: { send: WHOLE_RESET, timeoutMs: RESET_TIMEOUT_MS },
  }
}

function checked(options: RedisOptions): readonly string[] {
  for (const key of Object.keys(options)) {
    if (key !== 'stateless') {
      throw new TypeError(`Unknown option \`${key}\` of redis(), accepted: \`stateless\``)
    }
  }
  const names: unknown = options.stateless ?? []
  if (!Array.isArray(names) || !names.every(isCommandName)) {
    throw new TypeError(
      `Expected \`stateless\` to be an array of command names like 'JSON.GET', got ${inspect(names)}`,
    )
  }
  return names
}

function isCommandName(name: unknown): name is string {
  return typeof name === 'string' && /^\S+( \S+)?$/.test(name)
}

/**
 * Watches one connection over all its leases. Requests and replies meet only in two counters; of the few
 * requests whose answer matters, the number and the kind wait in a queue.
 */
class RedisProof implements ReuseProof {
  readonly #requests: RequestScanner
  readonly #replies = new ReplyScanner()
  readonly #blocking = new BlockingRequests()
  readonly #reset: RedisReset
  #sent = 0
  #answered = 0
  /** The number of the last request that left state, that opened a transaction; 0: none. */
  #dirtiedAt = 0
  #openedAt = 0
  #resp3 = false
  #tainted = false
  /** By bytes that were not this session's: none is, from then on. */
  #foreign = false
  /** The attributes that CLIENT SETINFO may have set, as bits. */
  #library = 0
  /** Requests whose answer matters, oldest at `#firstMark`. */
  readonly #marks: number[] = []
  #firstMark = 0

  constructor(commands: CommandTrie, reset: RedisReset) {
    this.#requests = new RequestScanner(commands)
    this.#reset = reset
  }

  get state(): ProofState {
    if (this.#tainted) return 'tainted'
    if (this.#requests.partial) return 'partial'
    if (this.#answered < this.#sent) return 'busy'
    return this.#dirtiedAt > 0 || this.#openedAt > 0 || this.#library > 0 ? 'dirty' : 'idle'
  }

  get endsWithClient(): boolean {
    return this.#blocking.outstanding(this.#answered)
  }

  goodbye(chunk: Buffer): Goodbye | undefined {
    const at = chunk.length - QUIT.length
    if (chunk[at] !== ARRAY || chunk.toString('latin1', at).toLowerCase() !== QUIT) return undefined
    return GOODBYE
  }

  reset(): Buffer {
    return this.#reset.of(this.#library)
  }

  up(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      at = this.#requests.next(chunk, at)
      if (at < 0) {
        this.#tainted = at === BROKEN || this.#requests.unlisted
        return
      }
      this.#sent++
      if (this.#requests.verdict !== STATELESS) this.#note(this.#requests.verdict)
      if (this.#sent - this.#answered > MAX_OUTSTANDING) this.#tainted = true
    }
  }

  down(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      if (this.#answered === this.#sent) return this.#unasked()
      const mark = this.#mark()
      this.#replies.resp3 = this.#resp3 || mark === HELLO
      at = this.#replies.next(chunk, at)
      if (at < 0) {
        this.#foreign = at === BROKEN
        this.#tainted = at === BROKEN || at === BEYOND
        break
      }
      this.#answered++
      if (this.#replies.type === ERROR) this.#blocking.refused()
      if (mark !== 0) this.#settle(mark)
    }
    return !this.#foreign
  }

  #note(verdict: number): void {
    // In a transaction HELLO switches the protocol in the middle of EXEC's reply.
    const midReply = verdict === HELLO && this.#openedAt > 0
    if (verdict === TAINT || midReply || this.#marks.length >= MAX_MARKS) {
      this.#tainted = true
      return
    }
    if (verdict === DIRTY || verdict === HELLO) this.#dirtiedAt = this.#sent
    if (verdict === OPEN || verdict === MULTI) this.#openedAt = this.#sent
    this.#blocking.sent(verdict, this.#sent)
    if (verdict === DIRTY || verdict === OPEN || verdict === MULTI || verdict === BLOCKING) return
    const empties = verdict >= LIB_NAME && this.#requests.endsEmpty
    this.#marks.push(this.#sent * MARKS + verdict + (empties ? EMPTIES : 0))
  }

  /** What the request now being answered was, if that matters. */
  #mark(): number {
    if (this.#firstMark === this.#marks.length) return 0
    const mark = this.#marks[this.#firstMark] as number
    return Math.floor(mark / MARKS) === this.#answered + 1 ? mark % MARKS : 0
  }

  /** A request whose answer matters has been answered. */
  #settle(mark: number): void {
    this.#firstMark++
    if (this.#firstMark === this.#marks.length || this.#firstMark === MAX_MARKS / 2) {
      this.#marks.splice(0, this.#firstMark)
      this.#firstMark = 0
    }
    const { type, word } = this.#replies
    if (mark === HELLO) {
      if (type === MAP) this.#resp3 = true
      else if (type === ARRAY) this.#resp3 = false
    } else if (mark === CLOSE) {
      const closed = type === ARRAY || (type === SIMPLE && word === OK_WORD)
      if (closed && this.#openedAt < this.#answered) this.#openedAt = 0
    } else if (mark === RESET) {
      if (type === ERROR && word === ERR_WORD) this.#reset.refused = true
      if (type !== SIMPLE || word !== RESET_WORD) return
      this.#resp3 = false
      if (this.#dirtiedAt < this.#answered) this.#dirtiedAt = 0
      if (this.#openedAt < this.#answered) this.#openedAt = 0
    } else if (mark === IF_REFUSED) {
      if (type !== ERROR) this.#tainted = true
    } else if (mark < LIB_NAME + EMPTIES) {
      if (type === ERROR) return
      this.#library |= 1 << (mark - LIB_NAME)
      // RESET is the last part of what cleans it.
      this.#dirtiedAt = Math.max(this.#dirtiedAt, this.#answered)
    } else this.#emptied(1 << (mark - EMPTIES - LIB_NAME))
  }

  /** A CLIENT SETINFO with an empty value has been answered. */
  #emptied(attribute: number): void {
    const { type, word } = this.#replies
    if (type === SIMPLE && word === OK_WORD) this.#library &= ~attribute
    else if (type !== ERROR || word !== ERR_WORD || (this.#library & attribute) !== 0) this.#tainted = true
  }

  /** Bytes while no request waits. An error that refuses a request half-way can't be told from one that was meant for another. */
  #unasked(): false {
    this.#tainted = true
    this.#foreign = true
    return false
  }
}
