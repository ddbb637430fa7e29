import {
  ARITHMETIC,
  DELETE,
  GET,
  GETS,
  META_ARITHMETIC,
  META_ARITHMETIC_VALUE,
  META_DEBUG,
  META_DELETE,
  META_GET,
  META_GET_VALUE,
  META_NOOP,
  META_SET,
  OK,
  STATS,
  STATS_RESET,
  STORE,
  TOUCH,
  VERSION,
} from './memcached-commands.js'
import { BROKEN, MORE } from './memcached-requests.js'
import { ROOT, step, wordTrie } from './memcached-words.js'

const MAX_KEY_BYTES = 250
const MAX_DIGITS = 20
const MAX_VALUE_BYTES = 1024 * 1024 * 1024

const SPACE = 0x20
const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const NINE = 0x39
const DELETE_CHARACTER = 0x7f

/** What a line's first word says of the rest of it. */
const BARE = 0
const TEXT = 1
const MAYBE_TEXT = 2

const lines: ReadonlyArray<readonly [word: string, rest: number, answers: readonly number[]]> = [
  ['ERROR', MAYBE_TEXT, []],
  ['CLIENT_ERROR', MAYBE_TEXT, []],
  ['SERVER_ERROR', MAYBE_TEXT, []],
  ['VALUE', TEXT, [GET, GETS]],
  ['VA', TEXT, [META_GET_VALUE, META_ARITHMETIC_VALUE]],
  ['STAT', TEXT, [STATS]],
  ['END', BARE, [GET, GETS, STATS]],
  ['STORED', BARE, [STORE]],
  ['NOT_STORED', BARE, [STORE]],
  ['EXISTS', BARE, [STORE]],
  ['NOT_FOUND', BARE, [STORE, DELETE, TOUCH, ARITHMETIC]],
  ['DELETED', BARE, [DELETE]],
  ['TOUCHED', BARE, [TOUCH]],
  ['OK', BARE, [OK]],
  ['RESET', BARE, [STATS_RESET]],
  ['VERSION', TEXT, [VERSION]],
  ['HD', MAYBE_TEXT, [META_GET, META_SET, META_DELETE, META_ARITHMETIC]],
  ['EN', MAYBE_TEXT, [META_GET, META_GET_VALUE, META_DEBUG]],
  ['NF', MAYBE_TEXT, [META_SET, META_DELETE, META_ARITHMETIC, META_ARITHMETIC_VALUE]],
  ['NS', MAYBE_TEXT, [META_SET, META_ARITHMETIC, META_ARITHMETIC_VALUE]],
  ['EX', MAYBE_TEXT, [META_SET, META_DELETE, META_ARITHMETIC, META_ARITHMETIC_VALUE]],
  ['MN', BARE, [META_NOOP]],
  ['ME', TEXT, [META_DEBUG]],
]
const ERROR = 1
const CLIENT_ERROR = 2
const SERVER_ERROR = 3
const VALUE = 4
const VA = 5
const STAT = 6

const lineNames = wordTrie(Object.fromEntries(lines.map(([word], index) => [word, index + 1])))
const restOf = [BARE, ...lines.map(([, rest]) => rest)]
/** By word, one bit for each answer that it may be part of; errors may be any. */
const answersOf = [
  0,
  ...lines.map(([, , answers]) => answers.reduce((bits, answer) => bits | (1 << answer), 0)),
]
answersOf.fill(-1, ERROR, SERVER_ERROR + 1)
const COUNTING = (1 << ARITHMETIC) | (1 << META_ARITHMETIC) | (1 << META_ARITHMETIC_VALUE)

const WORD = 0
const SUM = 1
const PADDING = 2
const REST = 3
const FIELD = 4
const LINE_LF = 5
const BODY = 6
const BODY_CR = 7
const BODY_LF = 8
const DEAD = 9

/** The fields of a line that announces a data block; the flags are between the key and the length. */
const KEY_FIELD = 0
const LENGTH_FIELD = 2
const UNIQUE_FIELD = 3

/**
 * Finds where each memcached answer ends, given what it answers: the same bytes can be whole for one command and half for another.
 *
 * Data blocks are skipped by counting. A line that cannot be part of the answer is BROKEN, and so are more values than keys were asked
 * for.
 */
export class ReplyScanner {
  #state = WORD
  #answer = 0
  #afterQuiet = false
  #valuesLeft = 0
  #node: number = ROOT
  #word = 0
  #field = 0
  #length = 0
  #number = 0
  #bytesLeft = 0

  /**
   * The next answer is to this; to 0 it can only be an error.
   *
   * @param afterQuiet - It comes behind requests that are answered by nothing but an error, which is then theirs.
   */
  expect(answer: number, keys: number, afterQuiet: boolean): void {
    this.#answer = answer
    this.#valuesLeft = keys
    this.#afterQuiet = afterQuiet
  }

  /** The answer that was completed is an error, other than that what was to be incremented is no number. */
  get failed(): boolean {
    return this.#word === CLIENT_ERROR
      ? this.#afterQuiet || (COUNTING & (1 << this.#answer)) === 0
      : this.#word === ERROR || this.#word === SERVER_ERROR
  }

  /** Reads on to the end of one answer: the index behind it, or `MORE`, or `BROKEN`. */
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
      if (this.#state === WORD && byte === LF && this.#word !== VALUE && this.#word !== STAT) return i
    }
    return MORE
  }

  #follow(byte: number): number {
    switch (this.#state) {
      case WORD:
        return this.#inWord(byte)
      case SUM:
        if (byte >= ZERO && byte <= NINE) return ++this.#length <= MAX_DIGITS ? SUM : DEAD
        return byte === CR ? LINE_LF : this.#padding(byte)
      case PADDING:
        return byte === CR ? LINE_LF : this.#padding(byte)
      case REST:
        if (byte === CR) return LINE_LF
        return byte >= SPACE && byte !== DELETE_CHARACTER ? REST : DEAD
      case FIELD:
        return this.#inField(byte)
      case LINE_LF:
        if (byte !== LF) return DEAD
        this.#node = ROOT
        return this.#word === VALUE || this.#word === VA ? BODY : WORD
      case BODY_CR:
        return byte === CR ? BODY_LF : DEAD
      case BODY_LF:
        return byte === LF ? WORD : DEAD
      default:
        return DEAD
    }
  }

  #inWord(byte: number): number {
    if (byte !== SPACE && byte !== CR) {
      if (this.#node === ROOT && byte >= ZERO && byte <= NINE && this.#answer === ARITHMETIC) {
        this.#word = 0
        this.#length = 1
        return SUM
      }
      this.#node = step(lineNames, this.#node, byte)
      return this.#node === 0 ? DEAD : WORD
    }
    const word = lineNames.values[this.#node] as number
    if (((answersOf[word] as number) & (1 << this.#answer)) === 0) return DEAD
    this.#word = word
    if (byte === CR) return restOf[word] === TEXT ? DEAD : LINE_LF
    if (restOf[word] === BARE) return DEAD
    if (word === VALUE) return this.#valuesLeft-- === 0 ? DEAD : this.#fieldBegins(KEY_FIELD)
    return word === VA ? this.#fieldBegins(LENGTH_FIELD) : REST
  }

  /** A sum may be shorter than what it replaces, and filled up with spaces. */
  #padding(byte: number): number {
    return byte === SPACE && ++this.#length <= MAX_DIGITS ? PADDING : DEAD
  }

  #fieldBegins(field: number): number {
    this.#field = field
    this.#length = 0
    return FIELD
  }

  /** `VALUE <key> <flags> <bytes> [<cas unique>]`, `VA <bytes> <flag>*` */
  #inField(byte: number): number {
    if (byte === SPACE || byte === CR) return this.#length === 0 ? DEAD : this.#fieldEnded(byte)
    const first = this.#length++ === 0
    if (this.#field === KEY_FIELD) {
      return byte > SPACE && byte !== DELETE_CHARACTER && this.#length <= MAX_KEY_BYTES ? FIELD : DEAD
    }
    if (byte < ZERO || byte > NINE || (!first && this.#number === 0)) return DEAD
    this.#number = first ? byte - ZERO : this.#number * 10 + byte - ZERO
    if (this.#field !== LENGTH_FIELD) return this.#length <= MAX_DIGITS ? FIELD : DEAD
    this.#bytesLeft = this.#number
    return this.#number <= MAX_VALUE_BYTES ? FIELD : DEAD
  }

  #fieldEnded(byte: number): number {
    if (this.#field === LENGTH_FIELD && this.#word === VA) return byte === CR ? LINE_LF : REST
    const last = this.#answer === GETS ? UNIQUE_FIELD : LENGTH_FIELD
    if (byte === CR) return this.#field === last ? LINE_LF : DEAD
    return this.#field < last ? this.#fieldBegins(this.#field + 1) : DEAD
  }
}
