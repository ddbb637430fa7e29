import { inspect } from 'node:util'
import { quantity } from './quantity.js'

const durations = quantity({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 })

// Node turns a longer timer into one of 1 ms.
const MAX_MS = 2 ** 31 - 1

/**
 * Milliseconds of `200ms`, `1.5s`, `5m`, `1h` or `0`.
 *
 * **Fails** with a `RangeError` that says what is accepted.
 */
export function parseDuration(text: string): number {
  const ms = text === '0' ? 0 : durations.parse(text)
  if (ms !== undefined && ms <= MAX_MS) return ms
  throw new RangeError(
    `expected a duration such as 200ms, 30s, 5m, 1h or 0, up to 596h, got ${inspect(text)}`,
  )
}

/** The notation that {@link parseDuration} reads, to three digits. */
export function formatDuration(ms: number): string {
  return durations.format(ms)
}
