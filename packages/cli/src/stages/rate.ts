import { inspect } from 'node:util'
import { parseSize } from '../size.js'

/**
 * Bytes a second of `64KiB/s` or `1.5MiB/s`.
 *
 * **Fails** with a `RangeError` that says what is accepted.
 */
export function parseRate(text: string): number {
  try {
    const bytes = text.endsWith('/s') ? parseSize(text.slice(0, -'/s'.length)) : 0
    if (bytes > 0) return bytes
  } catch {}
  throw new RangeError(`expected a rate such as 512B/s, 64KiB/s or 1MiB/s, got ${inspect(text)}`)
}
