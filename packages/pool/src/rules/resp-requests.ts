import { BY_ARGUMENTS, type CommandTrie, ROOT, SEPARATOR, STATELESS, TAINT } from './redis-commands.js'

/** `next()`: the chunk ended before the message did. */
export const MORE = -1
/** `next()`: not RESP in canonical form. Nothing can be told from here on. */
export const BROKEN = -2

const MAX_ARGUMENTS = 1_048_576
const MAX_BULK_BYTES = 512 * 1024 * 1024

const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30

const START = 0
const COUNT = 1
const COUNT_LF = 2
const DOLLAR = 3
const LENGTH = 4
const LENGTH_LF = 5
const BODY = 6
const BODY_CR = 7
const BODY_LF = 8
const DEAD = 9

/**
 * Finds where each Redis request ends, and which command it is.
 *
 * ```text
 *  START '*' COUNT digits CR LF ─┬─► '$' LENGTH digits CR LF ─► BODY ─► CR ─► LF ─┬─► START, request complete
 *                                └──────────────── more arguments ◄───────────────┘
 * ```
 *
 * Only the canonical form passes: an array of 1 to 1,048,576 bulk strings of at most 512 MiB, lengths without
 * sign and without leading zeros. Values are skipped by counting; the name is walked byte by byte through the
 * command trie. What is remembered between chunks is eleven numbers.
 */
export class RequestScanner {
  /** What the request that `next()` completed leaves on the connection. */
  verdict: number = TAINT
  /** Whether its last argument is empty. */
  endsEmpty = false

  readonly #commands: CommandTrie
  #state = START
  /** The count or length being read; -1: no digit yet. */
  #number = -1
  #argumentsLeft = 0
  #bytesLeft = 0
  /** Where the name stands in the trie; 0: decided, or known to be unknown. */
  #node = 0
  /** Where each further argument starts in the trie; 0: none matters. */
  #arguments = 0

  constructor(commands: CommandTrie) {
    this.#commands = commands
  }

  /** A request has begun and not ended. */
  get partial(): boolean {
    return this.#state !== START
  }

  /** One has begun, and its name is none that is listed, however it goes on. */
  get unlisted(): boolean {
    return this.partial && this.#node === 0 && this.verdict === TAINT
  }

  /** Reads on to the end of one request: the index behind it, or `MORE`, or `BROKEN`. */
  next(chunk: Buffer, from: number): number {
    const end = chunk.length
    let state = this.#state
    let i = from
    while (i < end) {
      const byte = chunk[i] as number
      switch (state) {
        case START:
          if (byte !== 0x2a) return this.#broken()
          this.verdict = TAINT
          this.#node = ROOT
          this.#arguments = 0
          this.#number = -1
          state = COUNT
          i++
          break
        case COUNT:
          if (byte === CR) {
            if (this.#number < 1) return this.#broken()
            this.#argumentsLeft = this.#number
            state = COUNT_LF
          } else if (!this.#digit(byte, MAX_ARGUMENTS)) return this.#broken()
          i++
          break
        case COUNT_LF:
          if (byte !== LF) return this.#broken()
          state = DOLLAR
          i++
          break
        case DOLLAR:
          i = this.#wholeArguments(chunk, i)
          if (this.#argumentsLeft === 0) {
            this.#state = START
            return i
          }
          if (i === end) break
          if (chunk[i] !== 0x24) return this.#broken()
          this.#number = -1
          state = LENGTH
          i++
          break
        case LENGTH:
          if (byte === CR) {
            if (this.#number < 0) return this.#broken()
            this.#bytesLeft = this.#number
            this.endsEmpty = this.#number === 0
            state = LENGTH_LF
          } else if (!this.#digit(byte, MAX_BULK_BYTES)) return this.#broken()
          i++
          break
        case LENGTH_LF:
          if (byte !== LF) return this.#broken()
          state = BODY
          i++
          break
        case BODY: {
          const take = Math.min(this.#bytesLeft, end - i)
          if (this.#node !== 0) this.#walk(chunk, i, i + take)
          i += take
          this.#bytesLeft -= take
          if (this.#bytesLeft === 0) state = BODY_CR
          break
        }
        case BODY_CR:
          if (byte !== CR) return this.#broken()
          state = BODY_LF
          i++
          break
        case BODY_LF:
          if (byte !== LF) return this.#broken()
          i++
          this.#argumentEnded()
          if (this.#argumentsLeft === 0) {
            this.#state = START
            return i
          }
          state = DOLLAR
          break
        default:
          return BROKEN
      }
    }
    this.#state = state
    return MORE
  }

  /**
   * The shortcut for the common case, arguments of up to 99 bytes that are whole in the chunk: the index
   * behind the last of them. What is not exactly that is left to the states.
   */
  #wholeArguments(chunk: Buffer, from: number): number {
    const last = chunk.length - 1
    let i = from
    while (i + 5 <= last && chunk[i] === 0x24 && this.#argumentsLeft > 0) {
      let length = (chunk[i + 1] as number) - ZERO
      if (length < 0 || length > 9) break
      let body = i + 4
      if (chunk[i + 2] !== CR) {
        const digit = (chunk[i + 2] as number) - ZERO
        if (length === 0 || digit < 0 || digit > 9) break
        length = length * 10 + digit
        body++
      }
      const trailer = body + length
      if (trailer >= last || chunk[body - 2] !== CR || chunk[body - 1] !== LF) break
      if (chunk[trailer] !== CR || chunk[trailer + 1] !== LF) break
      if (this.#node !== 0) this.#walk(chunk, body, trailer)
      this.endsEmpty = length === 0
      this.#argumentEnded()
      i = trailer + 2
    }
    return i
  }

  #broken(): number {
    this.#state = DEAD
    return BROKEN
  }

  #digit(byte: number, max: number): boolean {
    const digit = byte - ZERO
    // A zero in front may only stand alone: after it no further digit passes.
    if (digit < 0 || digit > 9 || this.#number === 0) return false
    this.#number = this.#number < 0 ? digit : this.#number * 10 + digit
    return this.#number <= max
  }

  #walk(chunk: Buffer, from: number, to: number): void {
    const { columns, next, stride } = this.#commands
    let node = this.#node
    for (let i = from; i < to && node !== 0; i++) {
      node = next[node * stride + (columns[chunk[i] as number] as number)] as number
    }
    this.#node = node
  }

  /** Where a name has subcommands and an argument follows, that decides; else the name. */
  #argumentEnded(): void {
    this.#argumentsLeft--
    const { next, verdicts, stride } = this.#commands
    const verdict = verdicts[this.#node] as number
    if (this.#arguments !== 0) {
      if (verdict !== TAINT) {
        this.verdict = verdict
        this.#arguments = 0
      }
      this.#node = this.#arguments
    } else if (this.#node !== 0) {
      this.#node = this.#argumentsLeft === 0 ? 0 : (next[this.#node * stride + SEPARATOR] as number)
      this.verdict = this.#node === 0 ? verdict : TAINT
      if (verdict !== BY_ARGUMENTS) return
      this.verdict = STATELESS
      this.#arguments = this.#node
    }
  }
}
