import {
  type Command,
  commandNames,
  commands,
  FLAG,
  flags,
  KEY,
  LENGTH,
  META_ARITHMETIC,
  META_ARITHMETIC_VALUE,
  META_GET,
  META_GET_VALUE,
  NOREPLY,
  SIGNED,
  SUBCOMMAND,
  statsNames,
} from './memcached-commands.js'
import { ROOT, step } from './memcached-words.js'

/** `next()`: the chunk ended before the message did. */
export const MORE = -1
/** `next()`: no listed command in canonical form. Nothing can be told from here on. */
export const BROKEN = -2

/** Keys, and the tokens of flags. */
const MAX_TOKEN_BYTES = 250
const MAX_DIGITS = 20
/** The largest `-I` that memcached takes. */
const MAX_VALUE_BYTES = 1024 * 1024 * 1024
/** Of a quiet request nobody hears that memcached does not take a number, nor whether it then takes the data block for commands. */
const MAX_QUIET_NUMBER = 2 ** 31 - 1

const SPACE = 0x20
const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d
const DELETE_CHARACTER = 0x7f
const VALUE_FLAG = 0x76
const NOREPLY_WORD = 'noreply'
const LETTER_N = 0x6e

const NAME = 0
const TOKEN = 1
const LINE_LF = 2
const BODY = 3
const BODY_CR = 4
const BODY_LF = 5
const DEAD = 6

/**
 * Finds where each memcached request ends, and how it is to be answered.
 *
 * ```text
 *  NAME ──' '──► TOKEN ──' '──► TOKEN … ──CR──► LF ─┬──────────────────────────► NAME, request complete
 *     └──────────────CR────────────────────────►    └─► BODY ─► CR ─► LF ──────►
 * ```
 *
 * Only the canonical form passes: tokens parted by one space, lines ended by CR LF, decimal numbers without leading zeros, keys of 1
 * to 250 bytes without control characters, data blocks of at most 1 GiB that end in CR LF. One space more may follow the keys of `get`
 * and its like, as Perl's client has it, and a bare `stats`, as libmemcached has it. What is remembered between chunks is a few numbers.
 */
export class RequestScanner {
  /** How the request that `next()` completed is answered. */
  answer = 0
  /** How many keys it asked for. */
  keys = 0
  /** It is to be answered by nothing but an error. */
  quiet = false

  #state = NAME
  /** Where a name or a subcommand stands in its trie. */
  #node: number = ROOT
  #command: Command | undefined
  #token = 0
  /** Of the token being read: what it is, its length, its value when it is a number. */
  #type = 0
  #length = 0
  #number = 0
  /** Of all its numbers. */
  #largest = 0
  #bytesLeft = -1

  /** A request has begun and not ended. */
  get partial(): boolean {
    return this.#state !== NAME || this.#node !== ROOT
  }

  /** Reads on to the end of one request: the index behind it, or `MORE`, or `BROKEN`. */
  next(chunk: Buffer, from: number): number {
    const end = chunk.length
    let i = from
    while (i < end) {
      if (this.#state === BODY) {
        const take = Math.min(this.#bytesLeft, end - i)
        i += take
        this.#bytesLeft -= take
        if (this.#bytesLeft === 0) this.#state = BODY_CR
        continue
      }
      const byte = chunk[i++] as number
      this.#state = this.#follow(byte)
      if (this.#state === DEAD) return BROKEN
      if (this.#state === NAME && byte === LF) return i
    }
    return MORE
  }

  #follow(byte: number): number {
    switch (this.#state) {
      case NAME:
        return this.#name(byte)
      case TOKEN:
        if (byte === SPACE || byte === CR) return this.#tokenEnded(byte)
        return this.#inToken(byte) ? TOKEN : DEAD
      case LINE_LF:
        if (byte !== LF) return DEAD
        return this.#bytesLeft < 0 ? this.#completed() : BODY
      case BODY_CR:
        return byte === CR ? BODY_LF : DEAD
      case BODY_LF:
        return byte === LF ? this.#completed() : DEAD
      default:
        return DEAD
    }
  }

  #name(byte: number): number {
    if (byte !== SPACE && byte !== CR) {
      this.#node = step(commandNames, this.#node, byte)
      return this.#node === 0 ? DEAD : NAME
    }
    const command = commands[commandNames.values[this.#node] as number]
    if (command === undefined) return DEAD
    this.#command = command
    this.answer = command.answer
    this.keys = 0
    this.quiet = false
    this.#largest = 0
    this.#token = 0
    if (byte === CR) return command.required === 0 ? LINE_LF : DEAD
    return this.#tokenBegins(command)
  }

  #tokenBegins({ tokens, many, quiet }: Command): number {
    const last = tokens.length - 1
    if (this.quiet) return DEAD
    if (this.#token <= last || many) this.#type = tokens[Math.min(this.#token, last)] ?? 0
    else this.#type = quiet ? NOREPLY : 0
    this.#length = 0
    this.#node = ROOT
    return this.#type === 0 ? DEAD : TOKEN
  }

  #inToken(byte: number): boolean {
    const first = this.#length++ === 0
    if (first && byte === LETTER_N && this.#command?.quiet && this.#token >= this.#command.required)
      this.#type = NOREPLY
    switch (this.#type) {
      case KEY:
        return isText(byte) && this.#length <= MAX_TOKEN_BYTES
      case FLAG:
        if (!first) return isText(byte) && this.#length <= MAX_TOKEN_BYTES
        if (byte === VALUE_FLAG) this.answer = withValue(this.answer)
        return flags[byte] === 1
      case SUBCOMMAND:
        this.#node = step(statsNames, this.#node, byte)
        return this.#node !== 0
      case NOREPLY:
        return byte === NOREPLY_WORD.charCodeAt(this.#length - 1)
      case SIGNED:
        if (first && byte === MINUS) {
          this.#number = -1
          return true
        }
        return this.#digit(byte, first || this.#number < 0)
      default:
        return this.#digit(byte, first)
    }
  }

  #digit(byte: number, first: boolean): boolean {
    // A zero in front may only stand alone: after it no further digit passes.
    if (byte < ZERO || byte > NINE || (!first && this.#number === 0)) return false
    this.#number = first ? byte - ZERO : this.#number * 10 + byte - ZERO
    return this.#type === LENGTH ? this.#number <= MAX_VALUE_BYTES : this.#length <= MAX_DIGITS
  }

  #tokenEnded(byte: number): number {
    const command = this.#command
    if (command === undefined) return DEAD
    if (this.#length === 0) {
      const may = this.#type === KEY || this.#type === SUBCOMMAND
      return may && byte === CR && this.#token >= command.required ? LINE_LF : DEAD
    }
    if (!this.#take()) return DEAD
    if (this.answer === 0) return DEAD
    this.#token++
    if (byte === SPACE) return this.#tokenBegins(command)
    return this.#token < command.required ? DEAD : LINE_LF
  }

  /** The token that has ended; `false`: it is none. */
  #take(): boolean {
    switch (this.#type) {
      case KEY:
        this.keys++
        return true
      case FLAG:
        return true
      case SUBCOMMAND:
        this.answer = statsNames.values[this.#node] as number
        return true
      case NOREPLY:
        this.quiet = this.#length === NOREPLY_WORD.length
        return this.quiet && this.#largest <= MAX_QUIET_NUMBER
      case LENGTH:
        this.#bytesLeft = this.#number
        return true
      default:
        this.#largest = Math.max(this.#largest, this.#number)
        return this.#number >= 0
    }
  }

  #completed(): number {
    this.#node = ROOT
    this.#bytesLeft = -1
    return NAME
  }
}

function isText(byte: number): boolean {
  return byte > SPACE && byte !== DELETE_CHARACTER
}

function withValue(answer: number): number {
  if (answer === META_GET) return META_GET_VALUE
  return answer === META_ARITHMETIC ? META_ARITHMETIC_VALUE : answer
}
