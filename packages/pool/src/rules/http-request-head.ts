import {
  BROKEN,
  CR,
  classes,
  FieldScanner,
  LF,
  MAX_HEAD_BYTES,
  MORE,
  SP,
  TOKEN,
  VISIBLE,
} from './http-fields.js'
import { BODILESS, STATELESS, type Vocabulary } from './http-vocabulary.js'
import { ROOT, type WordTrie, walk } from './http-words.js'

const VERSION = Buffer.from('HTTP/1.')

const METHOD = 0
const TARGET_FIRST = 1
const TARGET = 2
const PROTOCOL = 3
const MINOR = 4
const LINE_CR = 5
const LINE_LF = 6
const FIELDS = 7
const DEAD = 8

/** Reads the head of each request: `method SP target SP HTTP/1.x CR LF`, the fields, an empty line. */
export class RequestHead {
  /** The bits of the method, while it may become one; 0: an unknown one. */
  method: number = STATELESS
  /** It has said that it is HTTP/1.x. */
  versioned = false
  readonly fields: FieldScanner

  readonly #methods: WordTrie
  #state = METHOD
  #node = ROOT
  #matched = 0
  #lineBytes = 0
  #old = false

  constructor({ methods, words }: Vocabulary) {
    this.#methods = methods
    this.fields = FieldScanner.ofRequests(words)
  }

  /** It has begun and not ended. */
  get begun(): boolean {
    return this.#lineBytes > 0
  }

  /** Whether the head, as far as `next()` has come, asks for anything but one answer on a connection that stays as it is. */
  get tainted(): boolean {
    const { fields, method } = this
    if (fields.tainted || this.#old || (method & STATELESS) === 0) return true
    return (method & BODILESS) !== 0 && (fields.chunked || fields.length > 0)
  }

  /** Reads on to the end of one head: the index behind it, or `MORE`, or `BROKEN`. */
  next(chunk: Buffer, from: number): number {
    let i = from
    while (i < chunk.length && this.#state !== FIELDS) {
      if (this.#lineBytes++ === 0) this.#begin()
      if (this.#lineBytes > MAX_HEAD_BYTES || !this.#line(chunk[i++] as number)) return this.#broken()
    }
    if (i === chunk.length) return MORE
    const to = this.fields.next(chunk, i)
    if (to === MORE) return MORE
    // RFC 9112, 6.1: an older peer does not know the coding.
    if (to === BROKEN || (this.#old && this.fields.chunked)) return this.#broken()
    this.#state = METHOD
    this.#lineBytes = 0
    return to
  }

  #begin(): void {
    this.method = STATELESS
    this.versioned = false
    this.#old = false
    this.#node = ROOT
    this.fields.begin(false)
  }

  /** A byte of the request line. */
  #line(byte: number): boolean {
    switch (this.#state) {
      case METHOD:
        if (byte !== SP) {
          this.#node = walk(this.#methods, this.#node, byte)
          if (this.#node === 0) this.method = 0
          return ((classes[byte] as number) & TOKEN) !== 0
        }
        this.method = this.#methods.verdicts[this.#node] as number
        this.#state = TARGET_FIRST
        return this.#lineBytes > 1
      case TARGET_FIRST:
        this.#state = TARGET
        return ((classes[byte] as number) & VISIBLE) !== 0
      case TARGET:
        if (byte !== SP) return ((classes[byte] as number) & VISIBLE) !== 0
        this.#state = PROTOCOL
        this.#matched = 0
        return true
      case PROTOCOL:
        if (VERSION[this.#matched] !== byte) return false
        if (++this.#matched === VERSION.length) this.#state = MINOR
        return true
      case MINOR:
        this.#old = byte === 0x30
        this.#state = LINE_CR
        this.versioned = byte === 0x30 || byte === 0x31
        return this.versioned
      case LINE_CR:
        this.#state = LINE_LF
        return byte === CR
      case LINE_LF:
        this.#state = FIELDS
        return byte === LF
      default:
        return false
    }
  }

  #broken(): number {
    this.#state = DEAD
    return BROKEN
  }
}
