import { Duplex } from 'node:stream'
import { checkOptions, checkValue, count, milliseconds, positiveCount } from '../options.js'
import type { Direction, Stage } from '../stage.js'

export interface DelayOptions {
  /** How long each byte, and the end, is on its way. */
  readonly ms: number
  /**
   * How much longer or shorter a chunk may take, at most. Order is kept: a chunk never overtakes one before it.
   * @default 0
   */
  readonly jitterMs?: number | undefined
  /**
   * What the jitter is drawn from: with the same seed the n-th chunk of a direction takes the same time in every session.
   * @default a random number
   */
  readonly seed?: number | undefined
  /**
   * How many bytes can be on their way in each direction of a session; more are not read before there is room.
   * @default 131_072
   */
  readonly maxBytes?: number | undefined
}

/** A delay that can be set while sessions run. */
export interface DelayStage extends Stage {
  readonly settings: DelayOptions
  /** Takes effect at once, also on what is on its way; what is left out stays as it is. */
  set(settings: Pick<Partial<DelayOptions>, 'ms' | 'jitterMs'>): void
}

const changeable = { ms: milliseconds, jitterMs: milliseconds }

/** Lets bytes pass later, as a long line does. */
export function delay(options: DelayOptions): DelayStage {
  checkOptions('delay', options, { ...changeable, seed: count, maxBytes: positiveCount })
  checkValue('delay', 'ms', options.ms, milliseconds)
  const { seed = Math.floor(Math.random() * 2 ** 32), maxBytes = 128 * 1024 } = options
  let settings = { ...options }
  const lines = new Set<DelayLine>()
  const step = ({ direction }: { direction: Direction }): Duplex => {
    const line = new DelayLine(() => settings, randomFrom(direction === 'up' ? seed : ~seed), maxBytes)
    lines.add(line)
    return line.once('close', () => lines.delete(line))
  }
  return {
    name: 'delay',
    up: step,
    down: step,
    get settings() {
      return settings
    },
    set(changed) {
      checkOptions('delay.set', changed, changeable)
      const { ms = settings.ms, jitterMs = settings.jitterMs } = changed
      settings = { ...settings, ms, jitterMs }
      for (const line of lines) line.reschedule()
    },
  }
}

interface Parcel {
  /** `undefined`: the end. */
  readonly chunk: Buffer | undefined
  readonly arrivedAt: number
  /** From -1 to 1. */
  readonly luck: number
  readonly done: () => void
}

class DelayLine extends Duplex {
  readonly #settings: () => DelayOptions
  readonly #luck: () => number
  readonly #maxBytes: number
  readonly #parcels: Parcel[] = []
  #bytes = 0
  #full: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #wanted = true

  constructor(settings: () => DelayOptions, luck: () => number, maxBytes: number) {
    super({ highWaterMark: 16 * 1024 })
    this.#settings = settings
    this.#luck = luck
    this.#maxBytes = maxBytes
  }

  /** The settings have changed. */
  reschedule(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#deliver()
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.#bytes += chunk.length
    this.#send(chunk, () => {
      this.#bytes -= chunk.length
    })
    if (this.#bytes < this.#maxBytes) callback()
    else this.#full = callback
  }

  override _final(callback: () => void): void {
    this.#send(undefined, callback)
  }

  override _read(): void {
    this.#wanted = true
    this.#deliver()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    // Whoever sets the delay now starts no timer for what will never go.
    this.#parcels.length = 0
    callback(error)
  }

  #send(chunk: Buffer | undefined, done: () => void): void {
    this.#parcels.push({ chunk, arrivedAt: performance.now(), luck: this.#luck(), done })
    this.#deliver()
  }

  #deliver(): void {
    if (this.#timer !== undefined) return
    for (let next = this.#parcels[0]; next !== undefined && this.#wanted; next = this.#parcels[0]) {
      const { ms, jitterMs = 0 } = this.#settings()
      const leftMs = next.arrivedAt + Math.max(0, ms + jitterMs * next.luck) - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.reschedule(), Math.ceil(leftMs))
        return
      }
      this.#parcels.shift()
      this.#wanted = this.push(next.chunk ?? null)
      next.done()
    }
    if (this.#bytes >= this.#maxBytes || this.#full === undefined) return
    const full = this.#full
    this.#full = undefined
    full()
  }
}

// Repeatable numbers from -1 to 1 (mulberry32, Tommy Ettinger's public-domain generator).
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}
