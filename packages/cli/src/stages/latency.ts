import { inspect } from 'node:util'
import { parseDuration } from '../duration.js'

/**
 * Milliseconds of `200ms`, `200ms±50ms` or `200ms+-50ms`.
 *
 * **Fails** with a `RangeError` that says what is accepted.
 */
export function parseLatency(text: string): { readonly ms: number; readonly jitterMs: number } {
  try {
    const [time = '', jitter = '0', ...more] = text.split(/±|\+-/)
    if (more.length === 0) return { ms: parseDuration(time), jitterMs: parseDuration(jitter) }
  } catch {}
  throw new RangeError(`expected a duration such as 200ms or 1.5s, or 200ms±50ms, got ${inspect(text)}`)
}
