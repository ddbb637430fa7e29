import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { PrewarmPolicy } from '../../src/prewarm-policy.js'
import { advance, useFakeClock } from '../support/fake-clock.js'

useFakeClock()

const refill = vi.fn()
beforeEach(() => refill.mockClear())

function policy(size: number | 'auto', maxAgeMs = 10_000): PrewarmPolicy {
  const made = new PrewarmPolicy(size, maxAgeMs, refill)
  onTestFinished(() => made.stop())
  return made
}

async function arrivals(made: PrewarmPolicy, everyMs: number, forMs: number): Promise<void> {
  for (let elapsed = 0; elapsed < forMs; elapsed += everyMs) {
    await advance(everyMs)
    made.arrived()
  }
}

/** The lengths of the pauses that follow waste upon waste, while no client comes. */
async function pauses(made: PrewarmPolicy, count: number): Promise<number[]> {
  const lengths: number[] = []
  for (let round = 0; round < count; round++) {
    const refills = refill.mock.calls.length
    made.wasted(100, true)
    expect(made.target).toBe(0)
    let length = 0
    for (; refill.mock.calls.length === refills; length += 250) await advance(250)
    lengths.push(length)
  }
  return lengths
}

describe('the target', () => {
  test('of a number is that number, whoever comes', async () => {
    const made = policy(7)
    expect(made.target).toBe(7)
    made.dialed(1_000)
    await arrivals(made, 10, 1_000)
    expect(made.target).toBe(7)
  })

  test('of auto is one before any client has come', () => {
    const made = policy('auto')
    made.dialed(500)
    expect(made.target).toBe(1)
  })

  test.each([
    [10, 50],
    [50, 200],
    [5, 4],
  ])(
    'of auto covers the clients of one dial, half as much again (every %i ms, a dial of %i ms)',
    async (everyMs, dialMs) => {
      const made = policy('auto')
      made.dialed(dialMs)
      await arrivals(made, everyMs, 20_000)
      const perDial = dialMs / everyMs
      expect(made.target).toBeGreaterThanOrEqual(perDial + 1)
      expect(made.target).toBeLessThanOrEqual(Math.ceil(perDial * 1.6) + 2)
    },
  )

  test('of auto follows a burst within a second, and is back at two or less after a quiet minute', async () => {
    const made = policy('auto')
    made.dialed(100)
    await arrivals(made, 10, 1_000)
    expect(made.target).toBeGreaterThanOrEqual(10)
    await advance(60_000 * 2)
    expect(made.target).toBeLessThanOrEqual(2)
  })

  test('of auto follows the dial time, smoothed', async () => {
    const made = policy('auto')
    made.dialed(10)
    await arrivals(made, 10, 20_000)
    const quick = made.target
    made.dialed(1_000)
    const afterOne = made.target
    for (let dial = 0; dial < 50; dial++) made.dialed(1_000)
    expect(afterOne).toBeGreaterThan(quick)
    expect(made.target).toBeGreaterThan(3 * afterOne)
  })
})

describe('the age', () => {
  test('is as asked for, until the upstream has closed one sooner: then below the shortest life', () => {
    const made = policy(1, 10_000)
    expect(made.maxAgeMs).toBe(10_000)
    made.wasted(60_000, true)
    expect(made.maxAgeMs).toBe(10_000)
    made.wasted(1_000, true)
    made.wasted(3_000, true)
    expect(made.maxAgeMs).toBeGreaterThan(500)
    expect(made.maxAgeMs).toBeLessThan(1_000)
  })

  test('is left to the idle timeout by 0, until something was learnt', () => {
    const made = policy(1, 0)
    expect(made.maxAgeMs).toBe(0)
    made.wasted(1_000, true)
    expect(made.maxAgeMs).toBeLessThan(1_000)
    expect(made.maxAgeMs).toBeGreaterThan(0)
  })

  test('is not learnt from those that the pool itself closed', () => {
    const made = policy(1, 10_000)
    made.wasted(20, false)
    expect(made.maxAgeMs).toBe(10_000)
  })
})

describe.each<number | 'auto'>([4, 'auto'])('the pauses (prewarm: %s)', (size) => {
  test('grow from half a second to a minute, while no client comes', async () => {
    const lengths = await pauses(policy(size), 9)
    expect(lengths).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  })

  test('end when a client comes, and begin anew', async () => {
    const made = policy(size)
    await pauses(made, 4)
    made.wasted(100, true)
    expect(made.target).toBe(0)
    made.arrived()
    expect(made.target).toBeGreaterThan(0)
    expect(refill).toHaveBeenCalledTimes(5)
    expect(await pauses(made, 2)).toEqual([500, 1_000])
  })

  test('are one for all that were closed together', async () => {
    const made = policy(size)
    for (let closed = 0; closed < 10; closed++) made.wasted(100, true)
    await advance(500)
    expect(refill).toHaveBeenCalledTimes(1)
    expect(await pauses(made, 1)).toEqual([1_000])
  })

  test('come also after those that the pool closed first, once it has learnt that it must', async () => {
    const made = policy(size)
    made.wasted(100, false)
    expect(made.target).toBeGreaterThan(0)
    made.wasted(100, true)
    await advance(500)
    made.wasted(70, false)
    expect(made.target).toBe(0)
    await advance(1_000)
    expect(refill).toHaveBeenCalledTimes(2)
  })

  test('are over with the policy: nothing is asked for after it was stopped', async () => {
    const made = policy(size)
    made.wasted(100, true)
    made.stop()
    expect(vi.getTimerCount()).toBe(0)
    await advance(120_000)
    expect(refill).not.toHaveBeenCalled()
  })
})

describe.each<number | 'auto'>([8, 'auto'])('connections opened in vain (prewarm: %s)', (size) => {
  test('behind a greeting are sixteen, then none before a client has used one', async () => {
    const made = policy(size)
    let opened = made.target
    for (let round = 0; made.target > 0; round++) {
      expect(round).toBeLessThan(30)
      const idle = made.target
      for (let closed = 0; closed < idle; closed++) {
        made.wasted(10_000, false, true)
        opened += made.target - (idle - closed - 1) > 0 ? 1 : 0
      }
      await advance(10_000)
    }
    expect(opened).toBeLessThanOrEqual(16)
    expect(made.heldBack).toBe('unused')
    // Who comes and says nothing may be a health check.
    made.arrived()
    await advance(3_600_000)
    expect(made.target).toBe(0)
    expect(made.used()).toBe(true)
    expect(made.target).toBeGreaterThan(0)
  })

  test('that the upstream closes are sixteen, too, whatever the pauses', async () => {
    const made = policy(size)
    let closed = 0
    for (let hour = 0; hour < 3_600; hour++) {
      const idle = made.target
      for (let index = 0; index < idle; index++) made.wasted(5_000, true)
      closed += idle
      await advance(1_000)
    }
    expect(closed).toBeGreaterThanOrEqual(8)
    expect(closed).toBeLessThanOrEqual(16)
  })

  test('that nobody has closed or greeted are opened anew for as long as it takes', () => {
    const made = policy(size)
    for (let closed = 0; closed < 1_000; closed++) made.wasted(10_000, false)
    expect(made.target).toBe(size === 'auto' ? 1 : size)
  })
})

test('more than sixteen are opened once, where more were asked for', () => {
  const made = policy(40)
  expect(made.target).toBe(40)
  for (let closed = 0; closed < 40; closed++) made.wasted(10_000, false, true)
  expect(made.target).toBe(0)
})
