import type { ReuseRule } from '@relay/core'
import { checkOptions, positiveCount } from '@relay/core/options'
import { BEYOND, BROKEN, FrameProof, type FrameScanner, MORE } from './frame-proof.js'

export interface LinesOptions {
  /**
   * The longest line, its terminator not counted. A longer one is passed on, but the connection is not shared again.
   * @default 65_536
   */
  readonly maxLineBytes?: number | undefined
  /**
   * What ends each line, in both directions; `'either'`: each line as it likes.
   * @default '\n'
   */
  readonly terminator?: '\n' | '\r\n' | 'either' | undefined
}

const TERMINATORS: readonly unknown[] = ['\n', '\r\n', 'either']
const LF = 0x0a
const CR = 0x0d

/**
 * A reuse rule for protocols that answer each request line with exactly one reply line, and remember nothing of it. *You* vouch for
 * that: the rule counts lines, and does not know what they mean. A command that logs in, subscribes, or is answered by more lines than
 * one makes this rule the wrong one.
 *
 * - **Passes** (`idle`): as many reply lines as request lines, nothing half sent. The state is never `dirty`.
 * - **Taints** (`tainted`): a line that is too long; any other terminator, so each CR without its LF, with `'\n'` each CR, and with
 *   `'\r\n'` each LF that stands alone; a reply to nothing, or to a request that is not whole; more than a million requests outstanding.
 *
 * `down` is false for bytes that answer nothing and for a wrong terminator, for the whole chunk that has them. It stays true after a
 * taint by the session's own doing, and for a reply that is only too long.
 *
 * **Fails** with a `TypeError` or `RangeError` that names the option, its value and what is accepted.
 */
export function lines(options: LinesOptions = {}): ReuseRule {
  checkOptions('lines', options, {
    maxLineBytes: positiveCount,
    terminator: (value) => (TERMINATORS.includes(value) ? undefined : "'\\n' or '\\r\\n', or 'either'"),
  })
  const { maxLineBytes = 65_536, terminator = '\n' } = options
  const scanner = (): FrameScanner => new LineScanner(maxLineBytes, terminator)
  return { name: 'lines', open: () => new FrameProof(scanner(), scanner()) }
}

/** Finds where each line ends; remembers its length so far, and whether a CR waits for its LF. */
class LineScanner implements FrameScanner {
  readonly #maxBytes: number
  readonly #needsCr: boolean
  readonly #takesCr: boolean
  #bytes = 0
  #afterCr = false

  constructor(maxBytes: number, terminator: NonNullable<LinesOptions['terminator']>) {
    this.#maxBytes = maxBytes
    this.#needsCr = terminator === '\r\n'
    this.#takesCr = terminator !== '\n'
  }

  get partial(): boolean {
    return this.#bytes > 0 || this.#afterCr
  }

  next(chunk: Buffer, from: number): number {
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i]
      if (byte === LF) {
        if (this.#needsCr && !this.#afterCr) return BROKEN
        this.#bytes = 0
        this.#afterCr = false
        return i + 1
      }
      if (this.#afterCr) return BROKEN
      if (byte === CR) {
        if (!this.#takesCr) return BROKEN
        this.#afterCr = true
      } else if (++this.#bytes > this.#maxBytes) return BEYOND
    }
    return MORE
  }
}
