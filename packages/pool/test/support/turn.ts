// From node:timers, which fake timers leave alone.
import { setImmediate } from 'node:timers/promises'

/** One turn of the event loop: every microtask that was due has run. */
export async function turn(): Promise<void> {
  await setImmediate()
}
