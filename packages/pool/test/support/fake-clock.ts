import { afterEach, beforeEach, expect, vi } from 'vitest'
import { turn } from './turn.js'

/** Fakes the clock for the tests of a file, which fails on any rejection that nobody handled. */
export function useFakeClock(): void {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): number => unhandled.push(reason)

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
    process.on('unhandledRejection', onUnhandled)
  })

  afterEach(async () => {
    await turn()
    process.off('unhandledRejection', onUnhandled)
    vi.useRealTimers()
    expect(unhandled.splice(0)).toEqual([])
  })
}

/** Moves the fake clock, then lets all that was due happen. */
export async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  await turn()
}
