import { BROKEN, MORE } from './resp-requests.js'

/** `next()`: plausible RESP, but more than is followed here. Nothing can be told from here on. */
export const BEYOND = -3

const MAX_DEPTH = 32
/** Replies have no bound in the protocol; this one keeps the arithmetic exact at every depth. */
const MAX_LENGTH = 99_999_999_999

const CR = 0x0d
const LF = 0x0a
const SP = 0x20
const ZERO = 0x30
const MINUS = 0x2d

const TYPE = 0
const LINE = 1
const NUMBER_FIRST = 2
const NUMBER_SIGNED = 3
const NUMBER = 4
const DOUBLE_FIRST = 5
const DOUBLE = 6
const BOOLEAN = 7
const LENGTH_FIRST = 8
const LENGTH = 9
const LENGTH_LF = 10
const MINUS_ONE = 11
const BODY = 12
const LAST_CR = 13
const LAST_LF = 14
const REST_OF_LINE = 15
const DEAD = 16

/** By type byte: the state it begins, how many values each entry of it holds, whether only RESP3 has it. */
const begins = new Uint8Array(256)
const holds = new Uint8Array(256)
const onlyResp3 = new Uint8Array(256)
for (const [types, state, values] of [
  ['+-', LINE, 0],
  [':(', NUMBER_FIRST, 0],
  [',', DOUBLE_FIRST, 0],
  ['#', BOOLEAN, 0],
  ['_', LAST_CR, 0],
  ['$!=', LENGTH_FIRST, 0],
  ['*~', LENGTH_FIRST, 1],
  ['%|', LENGTH_FIRST, 2],
] as const) {
  for (const byte of Buffer.from(types)) {
    begins[byte] = state
    holds[byte] = values
  }
}
for (const byte of Buffer.from('_#,(!=%~|')) onlyResp3[byte] = 1
const inDouble = new Uint8Array(256)
for (const byte of Buffer.from('0123456789+-.eEinfa')) inDouble[byte] = 1

const ARRAY = 0x2a
const BULK = 0x24
const ATTRIBUTE = 0x7c

/**
 * Finds where each Redis reply ends: RESP2, and RESP3 where allowed.
 *
 * Values are skipped by counting. Nested ones are a stack of *how many values are still to come*, at most 32
 * deep; an attribute precedes a value and is none, so it raises that count by one before it takes it back. A
 * push (`>`) is no reply and is BROKEN here, as is every byte that is not RESP in the form that servers
 * write; streamed types and deeper nesting are BEYOND.
 */
export class ReplyScanner {
  /** The connection speaks RESP3 now. */
  resp3 = false
  /** The type byte of the reply, attributes aside. */
  type = 0
  /** The text of a simple string, or the first word of an error, of up to six bytes as one number, see `wordOf`; 0 for a longer one. */
  word = 0

  #state = TYPE
  /** The type byte of the value being read, at any depth. */
  #valueType = 0
  #number = 0
  #wordLength = 0
  #depth = 0
  /** For each level the values still to come; at level 0 the reply itself. */
  readonly #valuesLeft = new Float64Array(MAX_DEPTH + 1).fill(1)

  /** Reads on to the end of one reply: the index behind it, or `MORE`, `BROKEN`, `BEYOND`. */
  next(chunk: Buffer, from: number): number {
    const end = chunk.length
    let state = this.#state
    let i = from
    while (i < end) {
      const byte = chunk[i++] as number
      switch (state) {
        case TYPE:
          state = this.#begin(byte)
          if (state === DEAD) return this.#dead(BROKEN)
          break
        case LINE:
          if (byte === CR) state = LAST_LF
          else if (byte === LF) return this.#dead(BROKEN)
          else if (byte === SP && this.#valueType === MINUS) state = REST_OF_LINE
          else if (++this.#wordLength <= 6) this.word = this.word * 256 + byte
          else this.word = 0
          break
        case REST_OF_LINE:
          if (byte === CR) state = LAST_LF
          else if (byte === LF) return this.#dead(BROKEN)
          break
        case NUMBER_FIRST:
        case NUMBER_SIGNED:
          if (byte >= ZERO && byte <= 0x39) state = NUMBER
          else if (byte === MINUS && state === NUMBER_FIRST) state = NUMBER_SIGNED
          else return this.#dead(BROKEN)
          break
        case NUMBER:
          if (byte === CR) state = LAST_LF
          else if (byte < ZERO || byte > 0x39) return this.#dead(BROKEN)
          break
        case DOUBLE_FIRST:
        case DOUBLE:
          if (inDouble[byte] === 1) state = DOUBLE
          else if (byte === CR && state === DOUBLE) state = LAST_LF
          else return this.#dead(BROKEN)
          break
        case BOOLEAN:
          if (byte !== 0x74 && byte !== 0x66) return this.#dead(BROKEN)
          state = LAST_CR
          break
        case LENGTH_FIRST:
          if (byte >= ZERO && byte <= 0x39) {
            this.#number = byte - ZERO
            state = LENGTH
          } else if (byte === MINUS && (this.#valueType === ARRAY || this.#valueType === BULK))
            state = MINUS_ONE
          else return this.#dead(byte === 0x3f ? BEYOND : BROKEN)
          break
        case LENGTH:
          if (byte === CR) state = LENGTH_LF
          else if (byte < ZERO || byte > 0x39 || this.#number === 0) return this.#dead(BROKEN)
          else {
            this.#number = this.#number * 10 + byte - ZERO
            if (this.#number > MAX_LENGTH) return this.#dead(BROKEN)
          }
          break
        case LENGTH_LF: {
          if (byte !== LF) return this.#dead(BROKEN)
          const values = this.#number * (holds[this.#valueType] as number)
          if (holds[this.#valueType] === 0) state = this.#number === 0 ? LAST_CR : BODY
          else if (this.#valueType !== ATTRIBUTE && values === 0) {
            state = TYPE
            if (this.#ended()) return this.#complete(i)
          } else if (values === 0) state = TYPE
          else {
            if (this.#depth === MAX_DEPTH) return this.#dead(BEYOND)
            if (this.#valueType === ATTRIBUTE) this.#valuesLeft[this.#depth] = this.#left() + 1
            this.#valuesLeft[++this.#depth] = values
            state = TYPE
          }
          break
        }
        case MINUS_ONE:
          if (byte !== 0x31) return this.#dead(BROKEN)
          state = LAST_CR
          break
        case BODY: {
          const take = Math.min(this.#number, end - i + 1)
          i += take - 1
          this.#number -= take
          if (this.#number === 0) state = LAST_CR
          break
        }
        case LAST_CR:
          if (byte !== CR) return this.#dead(BROKEN)
          state = LAST_LF
          break
        case LAST_LF:
          if (byte !== LF) return this.#dead(BROKEN)
          state = TYPE
          if (this.#ended()) return this.#complete(i)
          break
        default:
          return BROKEN
      }
    }
    this.#state = state
    return MORE
  }

  /** The state that a type byte begins. */
  #begin(byte: number): number {
    const state = begins[byte] as number
    if (state === TYPE || (onlyResp3[byte] === 1 && !this.resp3)) return DEAD
    if (this.#depth === 0) this.type = byte
    this.#valueType = byte
    this.word = 1
    this.#wordLength = 0
    return state
  }

  #left(): number {
    return this.#valuesLeft[this.#depth] as number
  }

  /** One value has ended, and with it perhaps the ones that contain it: true if the reply has. */
  #ended(): boolean {
    let left = this.#left() - 1
    while (left === 0 && this.#depth > 0) {
      this.#depth--
      left = this.#left() - 1
    }
    this.#valuesLeft[this.#depth] = left
    return left === 0
  }

  #complete(index: number): number {
    this.#valuesLeft[0] = 1
    this.#state = TYPE
    return index
  }

  #dead(why: number): number {
    this.#state = DEAD
    return why
  }
}

/** What `ReplyScanner.word` is for this text. */
export function wordOf(text: string): number {
  let word = 1
  for (const byte of Buffer.from(text)) word = word * 256 + byte
  return word
}
