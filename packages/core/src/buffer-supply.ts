export interface BufferSupplyOptions {
  /** Of each buffer. */
  readonly bytes: number
  /** Buffers to keep that nobody uses: enough for a burst, not enough to matter. */
  readonly spare: number
  /** Buffers in use at once. @default no limit */
  readonly most?: number
}

/** Buffers of one size, that go from one user to the next. */
export class BufferSupply {
  readonly bytes: number
  readonly #mostSpare: number
  readonly #most: number
  readonly #spare: Buffer[] = []
  #inUse = 0

  constructor({ bytes, spare, most = Number.POSITIVE_INFINITY }: BufferSupplyOptions) {
    this.bytes = bytes
    this.#mostSpare = spare
    this.#most = most
  }

  /** One to use, with the bytes of whoever had it before; `undefined` when all are in use. */
  take(): Buffer | undefined {
    if (this.#inUse >= this.#most) return undefined
    this.#inUse++
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.bytes)
  }

  /** Its user has no more need of it; `undefined` when somebody else still has, and it must not be used again. */
  giveBack(buffer: Buffer | undefined): void {
    this.#inUse--
    if (buffer !== undefined && this.#spare.length < this.#mostSpare) this.#spare.push(buffer)
  }
}
