import type { OnReadOpts } from 'node:net'
import { BufferSupply } from './buffer-supply.js'

const KIB = 1024

// One read at a time, copied at once: all connections that read little share it, and an idle one keeps no memory to read into.
const shared = Buffer.allocUnsafeSlow(64 * KIB)

// What is copied in less time than reading it takes.
const COPY_BYTES = 16 * KIB

const large = new BufferSupply({ bytes: 64 * KIB, spare: 64 })
// With the high-water mark of a socket, the 160 KiB that may wait of a direction. A bulk transfer is a quarter faster for it; thousands of
// stuck ones would only hold more.
const huge = new BufferSupply({ bytes: 144 * KIB, spare: 8, most: 64 })

// Reads that would have fitted less memory, in a row, before it is given back.
const SHRINK_AFTER = 16

/**
 * Memory that a read was made into, lent with the chunk that is in it. It is free again when the call that passed the chunk is over;
 * whoever needs it longer keeps it, and alone can end that. No read is made into kept memory: its connection reads on when it is free.
 */
export interface Loan {
  /** Only within the call that passes the chunk. */
  keep(): void
  /** Nobody needs the chunk any more. Call it once. */
  end(): void
}

/**
 * The memory a dialed socket reads into (`net.connect`'s `onread`), reused for every read: no allocation, and so no garbage, for
 * each 64 KiB relayed. A connection reads into memory that all share, then, when its reads grow, into 64 KiB of its own, and into 144 KiB
 * when they fill those and its reader passes them on as they come. At most 64 connections have so much.
 *
 * What was read into its own memory is *lent*: see {@link Loan}. What was read into the shared memory is a copy.
 */
export class ReadBuffer implements Loan {
  /** For tests: sees memory at the moment from which on it may be overwritten. */
  static onFree: ((memory: Buffer) => void) | undefined

  /** Set by the connection before the first read. */
  onData: (chunk: Buffer, loan: Loan | undefined) => boolean = () => false
  /** Kept memory is free: reading can go on. Set by the connection. */
  onFree: () => void = () => {}
  /** Whether the one who reads now keeps nothing of what it gets: only then reads may be larger than 64 KiB. */
  direct = false
  #memory: Buffer = shared
  #supply: BufferSupply | undefined
  #smallReads = 0
  #kept = false

  /** What `net.connect` takes as `onread`. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#memory,
    callback: (bytes) => this.#onRead(bytes),
  }

  /** Whether somebody keeps the last chunk: nothing may be read. */
  get kept(): boolean {
    return this.#kept
  }

  keep(): void {
    this.#kept = true
  }

  end(): void {
    if (!this.#kept) return
    this.#kept = false
    // After `release()` it belongs to the garbage collector.
    if (this.#supply === undefined) return
    ReadBuffer.onFree?.(this.#memory)
    this.onFree()
  }

  /** The socket is closed: nothing is read any more. */
  release(): void {
    // A chunk that is still in a write queue must never be overwritten: its memory is left to the garbage collector.
    this.#supply?.giveBack(this.#kept ? undefined : this.#memory)
    this.#supply = undefined
    this.#memory = shared
  }

  #onRead(bytes: number): boolean {
    const memory = this.#memory
    if (memory === shared) {
      const copy = Buffer.allocUnsafe(bytes)
      shared.copy(copy, 0, 0, bytes)
      ReadBuffer.onFree?.(memory)
      if (bytes > COPY_BYTES) this.#take(large)
      return this.onData(copy, undefined)
    }
    const more = this.onData(bytes === memory.length ? memory : memory.subarray(0, bytes), this)
    if (this.#kept) return false
    // The connection may have been closed meanwhile, and its memory be somebody else's.
    if (this.#memory !== memory) return more
    ReadBuffer.onFree?.(memory)
    this.#fit(bytes)
    return more
  }

  // Node asks `buffer()` for the memory of the next read right after the callback.
  #fit(bytes: number): void {
    const isHuge = this.#supply === huge
    if (isHuge && !this.direct) return this.#take(large)
    if (!isHuge && this.direct && bytes === large.bytes) return this.#take(huge)
    if (bytes > (isHuge ? large.bytes : COPY_BYTES)) this.#smallReads = 0
    else if (++this.#smallReads >= SHRINK_AFTER) this.#take(isHuge ? large : undefined)
  }

  /** Of what the supply has none left, there is as much as before. */
  #take(supply: BufferSupply | undefined): void {
    const memory = supply === undefined ? shared : supply.take()
    if (memory === undefined) return
    this.#supply?.giveBack(this.#memory)
    this.#supply = supply
    this.#memory = memory
    this.#smallReads = 0
  }
}
