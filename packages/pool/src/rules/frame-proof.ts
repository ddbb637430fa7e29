import type { ProofState, ReuseProof } from '@relay/core'

/** `next()`: the chunk ended before the frame did. */
export const MORE = -1
/** `next()`: no frame in the form that was agreed. Nothing can be told from here on. */
export const BROKEN = -2
/** `next()`: a frame, but longer than is followed. Nothing can be told from here on. */
export const BEYOND = -3

const MAX_OUTSTANDING = 1_000_000

/** Finds where each frame of one direction ends. */
export interface FrameScanner {
  /** A frame has begun and not ended. */
  readonly partial: boolean
  /** Reads on to the end of one frame: the index behind it, or `MORE`, `BROKEN`, `BEYOND`. */
  next(chunk: Buffer, from: number): number
}

/**
 * Watches one connection on which each request frame is answered by exactly one reply frame: the two directions meet in two counters.
 *
 * `down` is false for bytes that answer nothing, also those that come before a request is whole, and for what is no frame; it stays
 * true after a taint by the session's own doing, and for a reply that is only too long.
 */
export class FrameProof implements ReuseProof {
  readonly #requests: FrameScanner
  readonly #replies: FrameScanner
  #sent = 0
  #answered = 0
  #tainted = false
  /** By bytes that were not this session's: none is, from then on. */
  #foreign = false

  constructor(requests: FrameScanner, replies: FrameScanner) {
    this.#requests = requests
    this.#replies = replies
  }

  get state(): ProofState {
    if (this.#tainted) return 'tainted'
    if (this.#requests.partial) return 'partial'
    return this.#answered < this.#sent ? 'busy' : 'idle'
  }

  up(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      at = this.#requests.next(chunk, at)
      if (at === MORE) return
      this.#sent++
      this.#tainted = at < 0 || this.#sent - this.#answered > MAX_OUTSTANDING
    }
  }

  down(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length && !this.#tainted) {
      at = this.#answered < this.#sent ? this.#replies.next(chunk, at) : BROKEN
      if (at === MORE) break
      this.#answered++
      this.#foreign = at === BROKEN
      this.#tainted = at < 0
    }
    return !this.#foreign
  }
}
