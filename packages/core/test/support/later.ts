import { onTestFinished } from 'vitest'

/** Lets time pass that nobody waits for, as the rest of the test sees it by `performance.now()`; timers know nothing of it. */
export function later(ms: number): void {
  const { now } = performance
  performance.now = () => now.call(performance) + ms
  onTestFinished(() => {
    performance.now = now
  })
}
