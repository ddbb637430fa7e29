import type { Content } from './content.js'

/** All that a peer has received, and what it should be. */
export class Received {
  bytes = 0
  readonly #expects: Content | undefined
  readonly #chunks: Buffer[] = []

  constructor(expects?: Content) {
    this.#expects = expects
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.bytes += chunk.length
  }

  /** Lines that came whole. */
  get lines(): number {
    return this.#expects?.linesWithin(this.bytes) ?? 0
  }

  /** What is wrong with it, as far as it came. */
  get fault(): string | undefined {
    if (this.bytes === 0) return undefined
    const received = Buffer.concat(this.#chunks)
    return this.#expects === undefined
      ? `${received.length} B came to nobody: ${received.toString('latin1', 0, 80)}`
      : this.#expects.faultOf(received)
  }
}
