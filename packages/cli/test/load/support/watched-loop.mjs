import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { say, told } from './told.mjs'

const RESOLUTION_MS = 1

/** From "watch" to "report" the loop's delay is measured; then {"delayMs":…} is said, the longest, with what `more` gives. */
export async function reportDelay(more) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  await told('watch')
  delay.enable()
  say({ watching: true })
  await told('report')
  // A timer that is late is recorded when it fires.
  await sleep(10 * RESOLUTION_MS)
  delay.disable()
  say({ delayMs: delay.max / 1e6, ...more() })
}
