import type { OnReadOpts } from 'node:net'

type Memory = Buffer<ArrayBuffer>

const SMALL_BYTES = 1024
const LARGE_BYTES = 64 * 1024

// An answer that is a little too large must not leave an idle session with the large buffer.
const STEP = 8

// Reads that would have fitted the smaller buffer, in a row, before the larger one is given back.
const SHRINK_AFTER = 16

// Large buffers that no connection uses: enough for a burst, not enough to matter.
const MAX_SPARE = 64
const spare: Memory[] = []

/**
 * The memory a dialed socket reads into (`net.connect`'s `onread`), reused for every read: no allocation, and so no garbage, for
 * each 64 KiB relayed. A connection that fills its buffer gets a larger one (1, 8, 64 KiB), and gives it back when its reads stay small,
 * so that an idle session keeps little.
 *
 * A chunk handed to `onData` is *lent*: it is overwritten by the next read. Whoever still needs it returns `false`, which stops
 * reading, and the memory stays as it is until reading goes on.
 */
export class ReadBuffer {
  /** Set by the connection before the first read. */
  onData: (chunk: Buffer) => boolean = () => false
  #memory: Memory = Buffer.allocUnsafeSlow(SMALL_BYTES)
  #smallReads = 0
  #lent = false

  /** What `net.connect` takes as `onread`. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#memory,
    callback: (bytes) => this.#onRead(bytes),
  }

  /** Whether the last chunk is still on loan. */
  get lending(): boolean {
    return this.#lent
  }

  /** The borrower of the last chunk is done with it; call before reading goes on. */
  returned(): void {
    this.#lent = false
  }

  /** The socket is closed: nothing is read any more. */
  release(): void {
    // A chunk that is still in a write queue must never be overwritten: its memory is left to the garbage collector.
    if (!this.#lent) recycle(this.#memory)
    this.#memory = EMPTY
  }

  #onRead(bytes: number): boolean {
    const memory = this.#memory
    this.#lent = true
    const more = this.onData(bytes === memory.length ? memory : memory.subarray(0, bytes))
    if (!more) return false
    this.#lent = false
    this.#fit(bytes)
    return true
  }

  // Node asks `buffer()` for the memory of the next read right after the callback.
  #fit(bytes: number): void {
    const { length } = this.#memory
    if (bytes === length && length < LARGE_BYTES) return this.#resize(length * STEP)
    if (length === SMALL_BYTES || bytes > length / STEP) this.#smallReads = 0
    else if (++this.#smallReads === SHRINK_AFTER) this.#resize(length / STEP)
  }

  #resize(bytes: number): void {
    this.#smallReads = 0
    recycle(this.#memory)
    this.#memory = (bytes === LARGE_BYTES ? spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes)
  }
}

const EMPTY = Buffer.alloc(0)

function recycle(memory: Memory): void {
  if (memory.length === LARGE_BYTES && spare.length < MAX_SPARE) spare.push(memory)
}
