import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Deadlines } from '../src/deadlines.js'
import { undelivered } from '../src/delivery.js'
import type { RawConnection } from '../src/raw-connection.js'

// How long the kernel takes to tell is what these are about, so the test tells in its place.
vi.mock('../src/delivery.js', () => ({ undelivered: vi.fn() }))

describe('a quiet time', () => {
  let answers: ((bytes: number) => void)[] = []
  let quiet = 0
  let deadlines: Deadlines

  /** Both connections of every question asked so far have that much left. */
  async function answer(bytes: number): Promise<void> {
    for (const resolve of answers.splice(0)) resolve(bytes)
    await vi.advanceTimersByTimeAsync(0)
  }

  beforeEach(() => {
    vi.useFakeTimers()
    vi.mocked(undelivered).mockImplementation(() => new Promise((resolve) => answers.push(resolve)))
    answers = []
    quiet = 0
    const connection = {} as RawConnection
    deadlines = new Deadlines(
      [connection, connection],
      { maxDurationMs: 0, startedAt: 0 },
      () => quiet++,
      () => {},
    )
    deadlines.watchQuiet(200)
  })
  afterEach(() => {
    deadlines.stop()
    vi.useRealTimers()
  })

  test('is over when nothing has moved, in user memory or in the kernel', async () => {
    await vi.advanceTimersByTimeAsync(100)
    await answer(0)
    await vi.advanceTimersByTimeAsync(100)
    expect(quiet).toBe(0)
    await answer(0)
    expect(quiet).toBe(1)
  })

  test('goes on while the kernel gets rid of what it holds', async () => {
    for (const left of [5, 4, 3, 2]) {
      await vi.advanceTimersByTimeAsync(100)
      await answer(left)
    }
    expect(quiet).toBe(0)
    await vi.advanceTimersByTimeAsync(100)
    await answer(2)
    expect(quiet).toBe(1)
  })

  test('is not over for bytes that moved while the kernel was asked, though it took longer than another half to tell', async () => {
    await vi.advanceTimersByTimeAsync(100)
    await answer(0)
    await vi.advanceTimersByTimeAsync(100)
    deadlines.activity()
    await vi.advanceTimersByTimeAsync(100)
    await answer(0)
    expect(quiet).toBe(0)
    await vi.advanceTimersByTimeAsync(100)
    await answer(0)
    expect(quiet).toBe(1)
  })
})
