import { BROKEN, CR, classes, FieldScanner, LF, MAX_HEAD_BYTES, MORE, SP, TEXT } from './http-fields.js'
import type { WordTrie } from './http-words.js'

/** `next()`: no beginning of an answer. */
export const STRAY = -3

const VERSION = Buffer.from('HTTP/1.')

const PROTOCOL = 0
const MINOR = 1
const BEFORE_STATUS = 2
const STATUS = 3
const AFTER_STATUS = 4
const REASON = 5
const LINE_LF = 6
const FIELDS = 7
const DEAD = 8

/** Reads the head of each answer: `HTTP/1.x SP status [SP reason] CR LF`, the fields, an empty line. */
export class AnswerHead {
  status = 0
  readonly fields: FieldScanner

  #state = PROTOCOL
  #lineBytes = 0
  #lowestClass = 1
  #old = false

  constructor(words: WordTrie) {
    this.fields = FieldScanner.ofAnswers(words)
  }

  /** It has begun and not ended. */
  get begun(): boolean {
    return this.#lineBytes > 0
  }

  /** Whether the head that `next()` completed says that the connection does not stay as it is. */
  get tainted(): boolean {
    return this.fields.tainted || this.#old || this.status > 599
  }

  /** Before each head; 4: only an error may come. */
  expect(lowestClass: 1 | 4): void {
    this.#lowestClass = lowestClass
  }

  /** Reads on to the end of one head: the index behind it, or `MORE`, `BROKEN`, `STRAY`. */
  next(chunk: Buffer, from: number): number {
    let i = from
    while (i < chunk.length && this.#state !== FIELDS) {
      const early = this.#state <= STATUS
      this.#lineBytes++
      if (this.#lineBytes > MAX_HEAD_BYTES || !this.#line(chunk[i++] as number)) {
        return this.#dead(early ? STRAY : BROKEN)
      }
    }
    if (i === chunk.length) return MORE
    const to = this.fields.next(chunk, i)
    if (to === MORE) return MORE
    if (to === BROKEN || (this.#old && this.fields.chunked)) return this.#dead(BROKEN)
    this.#state = PROTOCOL
    this.#lineBytes = 0
    return to
  }

  /** A byte of the status line. */
  #line(byte: number): boolean {
    switch (this.#state) {
      case PROTOCOL:
        if (this.#lineBytes === VERSION.length) this.#state = MINOR
        return VERSION[this.#lineBytes - 1] === byte
      case MINOR:
        this.#old = byte === 0x30
        this.#state = BEFORE_STATUS
        return byte === 0x30 || byte === 0x31
      case BEFORE_STATUS:
        this.status = 0
        this.#state = STATUS
        return byte === SP
      case STATUS: {
        const digit = byte - 0x30
        const first = this.status === 0
        this.status = this.status * 10 + digit
        if (this.status > 99) this.#state = AFTER_STATUS
        return digit <= 9 && digit >= (first ? this.#lowestClass : 0)
      }
      case AFTER_STATUS:
        // Some servers leave out the reason together with its space.
        this.#state = byte === CR ? LINE_LF : REASON
        return byte === CR || byte === SP
      case REASON:
        if (byte === CR) this.#state = LINE_LF
        return byte === CR || ((classes[byte] as number) & TEXT) !== 0
      case LINE_LF:
        this.#state = FIELDS
        this.fields.begin(false)
        return byte === LF
      default:
        return false
    }
  }

  #dead(why: number): number {
    this.#state = DEAD
    return why
  }
}
