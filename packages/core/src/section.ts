import { inspect } from 'node:util'
import type { StageCaller } from './stage-calls.js'

/** Where bytes go next: a section of a stage pipeline, or whoever takes what the last one gives. */
export interface Outlet {
  /** Takes a chunk; `false` asks for no more until it says that there is room. */
  write(chunk: Buffer): boolean
  /** Nothing comes any more. */
  end(): void
}

/** One step of a pipeline, or several functions in a row. It never throws: its host hears what went wrong. */
export interface Section extends Outlet {
  /** The outlet has room again. */
  resume(): void
  /** Gives nothing any more, and releases what it holds. */
  destroy(): void
  /** It has been given something, a chunk or the end, there is room behind it, and yet it is not done. */
  readonly stuck: boolean
}

/** What a section tells the pipeline it is part of. */
export interface SectionHost {
  /** On whose behalf its steps are called. */
  readonly caller: StageCaller | undefined
  /** There is room again after `write` has returned `false`. */
  onRoom(): void
  /** It ended before its input did; what it gave before has gone on. */
  onStop(): void
  onFailure(error: unknown): void
}

/** What a step gave, as bytes. **Fails** for what is none. */
export function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw new TypeError(`expected bytes or text, got ${inspect(value, { depth: 0 })}`)
}
