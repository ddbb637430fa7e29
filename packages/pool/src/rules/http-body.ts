import { BROKEN, CR, classes, type FieldScanner, LF, MORE, TEXT } from './http-fields.js'

/** 2 GiB is more than any sender chunks by, and less than any receiver overflows at. */
const MAX_CHUNK_BYTES = 0x7fff_ffff
const MAX_SIZE_DIGITS = 8
/** In all chunks of one body. */
const MAX_EXTENSION_BYTES = 16 * 1024

const SEMICOLON = 0x3b

const COUNTED = 0
const SIZE = 1
const EXTENSION = 2
const SIZE_LF = 3
const DATA = 4
const DATA_CR = 5
const DATA_LF = 6
const TRAILER = 7
const DEAD = 8

/** By byte: the value of the digit and one; 0: none. */
const hexDigits = new Uint8Array(256)
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  hexDigits[digit.charCodeAt(0)] = value + 1
  hexDigits[digit.toUpperCase().charCodeAt(0)] = value + 1
}

/**
 * Finds where a body ends, by counting.
 *
 * ```text
 *  COUNTED ─► the end
 *  SIZE hex [';' EXTENSION] CR LF ─┬─► DATA CR LF ─► SIZE
 *                                  └─ of 0: TRAILER, fields up to an empty line ─► the end
 * ```
 */
export class BodyScanner {
  readonly #fields: FieldScanner
  #state = COUNTED
  /** Of the body, or of the chunk. */
  #bytesLeft = 0
  #digits = 0
  #extensionBytes = 0

  /** The fields say how long the body is, and read its trailer. */
  constructor(fields: FieldScanner) {
    this.#fields = fields
  }

  /** After the head of a message that has a body. */
  begin(): void {
    this.#state = this.#fields.chunked ? SIZE : COUNTED
    this.#bytesLeft = this.#fields.chunked ? 0 : this.#fields.length
    this.#digits = 0
    this.#extensionBytes = 0
  }

  /** Reads on to the end of the body: the index behind it, or `MORE`, or `BROKEN`. */
  next(chunk: Buffer, from: number): number {
    const end = chunk.length
    let i = from
    while (i < end) {
      if (this.#state === TRAILER) return this.#fields.next(chunk, i)
      if (this.#state === COUNTED || this.#state === DATA) {
        const take = Math.min(this.#bytesLeft, end - i)
        i += take
        this.#bytesLeft -= take
        if (this.#bytesLeft > 0) return MORE
        if (this.#state === COUNTED) return i
        this.#state = DATA_CR
      } else if (!this.#frame(chunk[i++] as number)) {
        this.#state = DEAD
        return BROKEN
      }
    }
    return MORE
  }

  /** A byte between the chunks' data. */
  #frame(byte: number): boolean {
    switch (this.#state) {
      case SIZE: {
        const digit = (hexDigits[byte] as number) - 1
        if (digit >= 0) {
          this.#bytesLeft = this.#bytesLeft * 16 + digit
          return ++this.#digits <= MAX_SIZE_DIGITS && this.#bytesLeft <= MAX_CHUNK_BYTES
        }
        this.#state = byte === CR ? SIZE_LF : EXTENSION
        return this.#digits > 0 && (byte === CR || byte === SEMICOLON)
      }
      case EXTENSION:
        if (byte === CR) this.#state = SIZE_LF
        else if (((classes[byte] as number) & TEXT) === 0) return false
        return ++this.#extensionBytes <= MAX_EXTENSION_BYTES
      case SIZE_LF:
        if (this.#bytesLeft > 0) this.#state = DATA
        else {
          this.#state = TRAILER
          this.#fields.begin(true)
        }
        return byte === LF
      case DATA_CR:
        this.#state = DATA_LF
        return byte === CR
      case DATA_LF:
        this.#state = SIZE
        this.#digits = 0
        return byte === LF
      default:
        return false
    }
  }
}
