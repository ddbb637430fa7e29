import {
  answerFields,
  CHALLENGE,
  CODING,
  LENGTH,
  PLAIN,
  requestFields,
  SCHEME,
  TAINTS,
} from './http-vocabulary.js'
import { ROOT, type WordTrie, walk } from './http-words.js'

/** `next()`: the chunk ended before the part did. */
export const MORE = -1
/** `next()`: not in canonical form. Nothing can be told from here on. */
export const BROKEN = -2

/** How long a start line may be, and the fields of one head or trailer together. */
export const MAX_HEAD_BYTES: number = 64 * 1024

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
const HTAB = 0x09
const COLON = 0x3a
const COMMA = 0x2c
const ZERO = 0x30

/** Classes of bytes. */
export const TOKEN = 1
export const VISIBLE = 2
export const TEXT = 4
export const classes: Uint8Array = new Uint8Array(256)
for (let byte = 0x21; byte < 0x7f; byte++) classes[byte] = VISIBLE | TEXT
for (const byte of [HTAB, SP]) classes[byte] = TEXT
for (let byte = 0x80; byte < 0x100; byte++) classes[byte] = TEXT
for (const byte of Buffer.from(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
)) {
  classes[byte] = TOKEN | VISIBLE | TEXT
}

const CHUNKED = Buffer.from('chunked')

const LINE = 0
const NAME = 1
const FIRST = 2
const VALUE = 3
const VALUE_LF = 4
const END_LF = 5
const DEAD = 6

/**
 * Reads the fields of a head, or of a trailer, up to the empty line that ends them.
 *
 * ```text
 *  LINE ─┬─ name ':' ─► FIRST ─ one SP or none ─► VALUE ─► CR LF ─► LINE
 *        └─ CR LF: the end
 * ```
 *
 * Only the canonical form passes: CRLF, a token and a colon without space between them, no folded lines, no control
 * bytes; `Content-Length` once, as digits without sign, leading zeros or space around them; `Transfer-Encoding` once, as
 * exactly `chunked`; never both. What is remembered between chunks is numbers.
 */
export class FieldScanner {
  /** What `Content-Length` says; -1: there was none. */
  length = -1
  chunked = false
  /** Something was there that belongs to the connection, or that the rule does not know to be harmless. */
  tainted = false

  readonly #names: WordTrie
  readonly #words: WordTrie
  #state = LINE
  #trailer = false
  #bytes = 0
  /** What the field is about; -1 while its name is not yet complete. */
  #kind = PLAIN
  /** Where the name, or a word of the value, stands in its trie; ROOT: no word has begun. */
  #node = ROOT
  /** Of the length the digits so far, of the coding how many bytes; -1: none. */
  #number = -1

  private constructor(names: WordTrie, words: WordTrie) {
    this.#names = names
    this.#words = words
  }

  static ofRequests(words: WordTrie): FieldScanner {
    return new FieldScanner(requestFields, words)
  }

  static ofAnswers(words: WordTrie): FieldScanner {
    return new FieldScanner(answerFields, words)
  }

  /** Before each head, and before a trailer: there no field may matter. */
  begin(trailer: boolean): void {
    this.length = -1
    this.chunked = false
    this.tainted = false
    this.#state = LINE
    this.#trailer = trailer
    this.#bytes = 0
  }

  /** Reads on to the end of the fields: the index behind the empty line, or `MORE`, or `BROKEN`. */
  next(chunk: Buffer, from: number): number {
    const to = this.#scan(chunk, from)
    this.#bytes += (to === MORE ? chunk.length : to) - from
    return to === BROKEN || this.#bytes > MAX_HEAD_BYTES ? this.#broken() : to
  }

  #scan(chunk: Buffer, from: number): number {
    const end = chunk.length
    let i = from
    while (i < end) {
      const byte = chunk[i++] as number
      switch (this.#state) {
        case LINE:
          if (byte === CR) this.#state = END_LF
          else if (((classes[byte] as number) & TOKEN) === 0) return BROKEN
          else {
            this.#node = walk(this.#names, ROOT, byte)
            this.#state = NAME
          }
          break
        case NAME:
          if (byte === COLON) {
            if (!this.#named(this.#names.verdicts[this.#node] as number)) return BROKEN
            this.#state = FIRST
          } else if (((classes[byte] as number) & TOKEN) === 0) return BROKEN
          else this.#node = walk(this.#names, this.#node, byte)
          break
        case FIRST:
          this.#state = VALUE
          if (byte !== SP) i--
          break
        case VALUE:
          if (byte === CR) {
            if (!this.#ended()) return BROKEN
            this.#state = VALUE_LF
          } else if (((classes[byte] as number) & TEXT) === 0) return BROKEN
          else if (this.#kind === PLAIN) {
            while (i < end && ((classes[chunk[i] as number] as number) & TEXT) !== 0) i++
          } else if (!this.#take(byte)) return BROKEN
          break
        case VALUE_LF:
          if (byte !== LF) return BROKEN
          this.#state = LINE
          break
        case END_LF:
          return byte === LF ? i : BROKEN
        default:
          return BROKEN
      }
    }
    return MORE
  }

  /** A field begins; `false`: it must not be there. */
  #named(kind: number): boolean {
    this.#kind = kind === TAINTS ? PLAIN : kind
    this.#node = ROOT
    this.#number = -1
    if (kind === PLAIN) return true
    if (this.#trailer) return false
    if (kind === TAINTS) this.tainted = true
    return kind === LENGTH ? this.length < 0 : kind !== CODING || !this.chunked
  }

  /** A byte of a value that matters. */
  #take(byte: number): boolean {
    if (this.#kind === LENGTH) {
      const digit = byte - ZERO
      // A zero in front may only stand alone: after it no further digit passes.
      if (digit < 0 || digit > 9 || this.#number === 0) return false
      this.#number = this.#number < 0 ? digit : this.#number * 10 + digit
      return this.#number <= Number.MAX_SAFE_INTEGER
    }
    if (this.#kind === CODING) return CHUNKED[++this.#number] === byte
    const separates =
      this.#kind === CHALLENGE
        ? ((classes[byte] as number) & TOKEN) === 0
        : byte === SP || byte === COMMA || byte === HTAB
    if (separates) this.#wordEnded()
    else this.#node = walk(this.#words, this.#node, byte)
    return true
  }

  #ended(): boolean {
    if (this.#kind === LENGTH) this.length = this.#number
    else if (this.#kind === CODING) this.chunked = this.#number === CHUNKED.length - 1
    else if (this.#kind !== PLAIN) this.#wordEnded()
    if (this.#kind === LENGTH) return this.length >= 0 && !this.chunked
    return this.#kind !== CODING || (this.chunked && this.length < 0)
  }

  #wordEnded(): void {
    if (this.#node === ROOT) return
    const listed = ((this.#words.verdicts[this.#node] as number) & this.#kind) !== 0
    if (listed === (this.#kind === CHALLENGE)) this.tainted = true
    if (this.#kind === SCHEME) this.#kind = PLAIN
    this.#node = ROOT
  }

  #broken(): number {
    this.#state = DEAD
    return BROKEN
  }
}
