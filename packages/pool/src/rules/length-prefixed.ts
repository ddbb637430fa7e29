import type { ReuseRule } from '@relay/core'
import { checkOptions, count, type OptionCheck } from '@relay/core/options'
import { BEYOND, BROKEN, FrameProof, type FrameScanner, MORE } from './frame-proof.js'

/** With the names and meanings of Netty's `LengthFieldBasedFrameDecoder`; the length is big-endian and unsigned. */
export interface LengthPrefixedOptions {
  /**
   * Bytes of a frame before its length field.
   * @default 0
   */
  readonly lengthFieldOffset?: number | undefined
  /**
   * Bytes of the length field: 1, 2, 3, 4 or 8.
   * @default 4
   */
  readonly lengthFieldLength?: number | undefined
  /**
   * What to add to the length to get the number of bytes behind the length field. Negative when the length counts the header too.
   * @default 0
   */
  readonly lengthAdjustment?: number | undefined
  /**
   * What a decoder strips off each frame. Moves no boundary; a frame that is shorter is malformed.
   * @default 0
   */
  readonly initialBytesToStrip?: number | undefined
  /**
   * The longest frame, header included. A longer one is passed on, but the connection is not shared again.
   * @default 1_048_576
   */
  readonly maxFrameLength?: number | undefined
}

type Layout = { readonly [Name in keyof LengthPrefixedOptions]-?: number }

/** Netty's numbers are Java's `int`. */
const MAX_INT = 2 ** 31 - 1

const int: OptionCheck = (value) =>
  Number.isInteger(value) && Math.abs(value as number) <= MAX_INT
    ? undefined
    : `a whole number from -${MAX_INT} to ${MAX_INT}`
const positiveInt: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INT
    ? undefined
    : `a whole number from 1 to ${MAX_INT}`
const fieldLength: OptionCheck = (value) =>
  [1, 2, 3, 4, 8].includes(value as number) ? undefined : '1, 2, 3, 4 or 8'

/**
 * A reuse rule for protocols of length-prefixed frames that answer each request frame with exactly one reply frame, and remember nothing
 * of it. *You* vouch for that: the rule counts frames, and does not know what they mean.
 *
 * - **Passes** (`idle`): as many reply frames as request frames, nothing half sent. The state is never `dirty`.
 * - **Taints** (`tainted`): a frame that is longer than `maxFrameLength`; one whose length says that it ends before its length field
 *   does, or is negative (8 bytes), or that is shorter than `initialBytesToStrip`; a reply to nothing, or to a request that is not whole;
 *   more than a million requests outstanding.
 *
 * `down` is false for bytes that answer nothing and for a malformed frame, for the whole chunk that has them. It stays true after a
 * taint by the session's own doing, and for a reply that is only too long.
 *
 * **Fails** with a `TypeError` or `RangeError` that names the option, its value and what is accepted.
 */
export function lengthPrefixed(options: LengthPrefixedOptions = {}): ReuseRule {
  checkOptions('lengthPrefixed', options, {
    lengthFieldOffset: count,
    lengthFieldLength: fieldLength,
    lengthAdjustment: int,
    initialBytesToStrip: count,
    maxFrameLength: positiveInt,
  })
  const layout: Layout = {
    lengthFieldOffset: options.lengthFieldOffset ?? 0,
    lengthFieldLength: options.lengthFieldLength ?? 4,
    lengthAdjustment: options.lengthAdjustment ?? 0,
    initialBytesToStrip: options.initialBytesToStrip ?? 0,
    maxFrameLength: options.maxFrameLength ?? 1024 * 1024,
  }
  for (const name of ['lengthFieldOffset', 'initialBytesToStrip'] as const) {
    const most = layout.maxFrameLength - (name === 'lengthFieldOffset' ? layout.lengthFieldLength : 0)
    if (layout[name] > most) {
      throw new RangeError(
        `lengthPrefixed: expected option "${name}" to be at most ${most}, so that the longest frame holds it, got ${layout[name]}`,
      )
    }
  }
  return {
    name: 'lengthPrefixed',
    open: () => new FrameProof(new LengthScanner(layout), new LengthScanner(layout)),
  }
}

/** Finds where each frame ends: reads the header byte by byte, then counts. */
class LengthScanner implements FrameScanner {
  readonly #layout: Layout
  readonly #headerEnd: number
  /** Bytes of the header so far. */
  #read = 0
  #length = 0
  #bytesLeft = 0

  constructor(layout: Layout) {
    this.#layout = layout
    this.#headerEnd = layout.lengthFieldOffset + layout.lengthFieldLength
  }

  get partial(): boolean {
    return this.#read > 0
  }

  next(chunk: Buffer, from: number): number {
    const { lengthFieldOffset } = this.#layout
    let i = from
    while (i < chunk.length) {
      if (this.#read < this.#headerEnd) {
        const byte = chunk[i++] as number
        if (this.#read++ >= lengthFieldOffset) this.#lengthByte(byte)
        if (this.#read < this.#headerEnd) continue
        const problem = this.#headerRead()
        if (problem < 0) return problem
      }
      const take = Math.min(this.#bytesLeft, chunk.length - i)
      i += take
      this.#bytesLeft -= take
      if (this.#bytesLeft === 0) {
        this.#read = 0
        this.#length = 0
        return i
      }
    }
    return MORE
  }

  #lengthByte(byte: number): void {
    const { lengthFieldOffset, lengthFieldLength } = this.#layout
    const negative = lengthFieldLength === 8 && this.#read === lengthFieldOffset + 1 && byte > 0x7f
    // Beyond 2 ** 53 it is not exact any more, and longer than any frame may be.
    this.#length = negative ? Number.NEGATIVE_INFINITY : this.#length * 256 + byte
  }

  #headerRead(): number {
    const { lengthAdjustment, initialBytesToStrip, maxFrameLength } = this.#layout
    const frameLength = this.#length + lengthAdjustment + this.#headerEnd
    if (frameLength < this.#headerEnd) return BROKEN
    if (frameLength > maxFrameLength) return BEYOND
    if (initialBytesToStrip > frameLength) return BROKEN
    this.#bytesLeft = frameLength - this.#headerEnd
    return 0
  }
}
