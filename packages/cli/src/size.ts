import { inspect } from 'node:util'
import { quantity } from './quantity.js'

const sizes = quantity({ B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 })

/**
 * Bytes of `512B`, `64KiB`, `1.5MiB`, `1GiB` or a plain number.
 *
 * **Fails** with a `RangeError` that says what is accepted.
 */
export function parseSize(text: string): number {
  const bytes = Math.round(sizes.parse(/\d$/.test(text) ? `${text}B` : text) ?? Number.NaN)
  if (Number.isSafeInteger(bytes)) return bytes
  throw new RangeError(`expected a size such as 512B, 64KiB, 1MiB or 1GiB, got ${inspect(text)}`)
}

/** As {@link parseSize}, but at least one byte. */
export function parsePositiveSize(text: string): number {
  const bytes = parseSize(text)
  if (bytes > 0) return bytes
  throw new RangeError(`expected a size from 1B, such as 64KiB or 1MiB, got ${inspect(text)}`)
}

/** The notation that {@link parseSize} reads, to three digits. */
export function formatSize(bytes: number): string {
  return sizes.format(bytes)
}
