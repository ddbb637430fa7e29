import { afterEach, expect, test, vi } from 'vitest'
import { throttle } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'
import { sha256 } from '../support/peer.js'
import { random, seed } from '../support/random.js'

const MIB = 1024 * 1024
const { int } = random(seed)
const chunks = Array.from({ length: 32 }, (_, index) => Buffer.alloc(1 + int(32 * 1024), `${index} `))
const sent = sha256(Buffer.concat(chunks))

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

test('a session that is stuck at a byte a second goes on at once when it may go faster', async () => {
  const stage = throttle({ bytesPerSecond: 1 })
  const running = runStage(stage, { up: chunks, down: chunks })
  // By now it waits: all there is would take days.
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
  stage.set({ bytesPerSecond: 64 * MIB })
  const { up, down, result } = await running
  expect([sha256(up), sha256(down), result.reason]).toEqual([sent, sent, 'client-end'])
})

test('any settings at any time lose and reorder nothing', async () => {
  const stage = throttle({ bytesPerSecond: MIB })
  let over = false
  const sessions = Promise.all(
    Array.from({ length: 4 }, () => runStage(stage, { up: chunks, down: chunks })),
  ).finally(() => {
    over = true
  })
  for (let sets = 0; !over; sets++) {
    if (sets < 500) stage.set({ bytesPerSecond: 1 + int(64 * MIB), burstBytes: 1 + int(100_000) })
    else stage.set({ bytesPerSecond: 256 * MIB })
    await new Promise(setImmediate)
  }
  for (const { up, down } of await sessions) expect([sha256(up), sha256(down)]).toEqual([sent, sent])
})

interface Flow {
  readonly stage: ReturnType<typeof throttle>
  /** Lets time pass, and says how many bytes have passed in it. */
  after(ms: number): Promise<number>
  /** Time passes, and the process is too busy to notice. */
  stall(ms: number): void
  /** Time passes, and the sender sends nothing. */
  pause(ms: number): Promise<void>
}

/** A sender that always has more, in virtual time. */
function flow(options: Parameters<typeof throttle>[0]): Flow {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now())
  const stage = throttle(options)
  const step = stage.open?.({} as never).up?.({} as never) as (chunk: Buffer) => AsyncGenerator<Buffer>
  let passed = 0
  let paused = false
  const send = async (): Promise<void> => {
    while (!paused) for await (const piece of step(Buffer.alloc(16 * 1024))) passed += piece.length
  }
  void send()
  return {
    stage,
    async after(ms) {
      const before = passed
      await vi.advanceTimersByTimeAsync(ms)
      return passed - before
    },
    stall: (ms) => void vi.setSystemTime(Date.now() + ms),
    async pause(ms) {
      paused = true
      await vi.advanceTimersByTimeAsync(ms)
      paused = false
      void send()
    },
  }
}

test.each([100, 1_000, MIB, 100 * MIB])('holds %i bytes a second, after a burst', async (bytesPerSecond) => {
  const { after } = flow({ bytesPerSecond })
  const passed = await after(10_000)
  expect(passed).toBeGreaterThan(bytesPerSecond * 10 * 0.99)
  expect(passed).toBeLessThan(bytesPerSecond * (10 + 0.05) * 1.01 + 1)
})

test('a rate that is set holds from then on', async () => {
  const { after, stage } = flow({ bytesPerSecond: MIB })
  await after(1_000)
  stage.set({ bytesPerSecond: 1_000 })
  const slow = await after(10_000)
  expect(slow).toBeLessThan(11_000)
  expect(slow).toBeGreaterThan(9_900)
})

test('what a busy process could not let pass catches up, by a second at most', async () => {
  const { after, stall } = flow({ bytesPerSecond: MIB })
  await after(1_000)
  let passed = 0
  for (let times = 0; times < 20; times++) {
    stall(400)
    passed += await after(100)
  }
  expect(passed).toBeGreaterThan(10 * MIB * 0.99)
  expect(passed).toBeLessThan(10 * MIB * 1.01)
  stall(60_000)
  expect(await after(1_000)).toBeLessThan(2 * MIB * 1.01)
})

test('a pause of the sender earns a burst and no more', async () => {
  const { after, pause } = flow({ bytesPerSecond: MIB, burstBytes: 100_000 })
  await after(1_000)
  await pause(60_000)
  const burst = await after(0)
  expect(burst).toBeLessThanOrEqual(100_000)
  // Less than a portion of 10 ms waits for the rest of it.
  expect(burst).toBeGreaterThan(100_000 - MIB / 100)
  expect(await after(1_000)).toBeLessThan(MIB * 1.01)
})

test('what is left out, or undefined, stays as it is', () => {
  const stage = throttle({ bytesPerSecond: 1_000, burstBytes: 10 })
  stage.set({})
  stage.set({ bytesPerSecond: undefined as never })
  expect(stage.settings).toEqual({ bytesPerSecond: 1_000, burstBytes: 10 })
  stage.set({ burstBytes: 20 })
  expect(stage.settings).toEqual({ bytesPerSecond: 1_000, burstBytes: 20 })
})
