import { onTestFinished } from 'vitest'

/** The warnings until the test is over, kept from the leak check, which allows none. */
export function warnings(): readonly Error[] {
  const seen: Error[] = []
  const others = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => void seen.push(warning))
  onTestFinished(() => {
    process.removeAllListeners('warning')
    for (const listener of others) process.on('warning', listener)
  })
  return seen
}
