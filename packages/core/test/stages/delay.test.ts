import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type DelayOptions, delay } from '../../src/stages/index.js'
import { runStage } from '../../src/testing/index.js'
import { sha256 } from '../support/peer.js'
import { random, seed } from '../support/random.js'
import { watch } from '../support/watch.js'

const { int } = random(seed)
const chunks = Array.from({ length: 32 }, (_, index) => Buffer.alloc(1 + int(16 * 1024), `${index} `))
const sent = sha256(Buffer.concat(chunks))
const HOUR_MS = 3_600_000

afterEach(() => void vi.useRealTimers())

test('what is on its way for an hour arrives at once when the delay is set to none', async () => {
  const stage = delay({ ms: HOUR_MS })
  const running = runStage(stage, { up: chunks, down: chunks })
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
  stage.set({ ms: 0 })
  const { up, down, result } = await running
  expect([sha256(up), sha256(down), result.reason]).toEqual([sent, sent, 'client-end'])
})

test('any settings at any time lose and reorder nothing', async () => {
  const stage = delay({ ms: 5, jitterMs: 5, seed, maxBytes: 20_000 })
  let over = false
  const sessions = Promise.all(
    Array.from({ length: 4 }, () => runStage(stage, { up: chunks, down: chunks })),
  ).finally(() => {
    over = true
  })
  for (let sets = 0; !over; sets++) {
    stage.set(sets < 500 ? { ms: int(20), jitterMs: int(20) } : { ms: 0, jitterMs: 0 })
    await new Promise(setImmediate)
  }
  for (const { up, down } of await sessions) expect([sha256(up), sha256(down)]).toEqual([sent, sent])
})

test('what is set when a session is just over starts no timer for it', () => {
  const timers = (): string[] => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')
  const before = timers()
  const stage = delay({ ms: HOUR_MS })
  const line = stage.up?.({ direction: 'up' } as never) as Duplex
  line.write('never to arrive')
  line.destroy()
  stage.set({ ms: 2 * HOUR_MS })
  expect(timers()).toEqual(before)
})

test('what is left out, or undefined, stays as it is', () => {
  const stage = delay({ ms: 10, jitterMs: 5 })
  stage.set({ ms: undefined as never })
  stage.set({ jitterMs: 7 })
  expect(stage.settings).toEqual({ ms: 10, jitterMs: 7 })
})

/** How long each of many chunks, and the end, were on their way, in virtual time. */
async function travel(
  options: DelayOptions,
  gapMs: number,
  direction: 'up' | 'down' = 'up',
): Promise<number[]> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const line = delay(options)[direction]?.({ direction } as never) as Duplex
  const sentAt: number[] = []
  const took: number[] = []
  const order: number[] = []
  line.on('data', (chunk: Buffer) => {
    const index = chunk.readUInt32BE()
    order.push(index)
    took.push(performance.now() - (sentAt[index] as number))
  })
  line.on('end', () => took.push(performance.now() - (sentAt.at(-1) as number)))
  for (let index = 0; index < 100; index++) {
    const chunk = Buffer.alloc(4)
    chunk.writeUInt32BE(index)
    sentAt.push(performance.now())
    line.write(chunk)
    await vi.advanceTimersByTimeAsync(gapMs)
  }
  sentAt.push(performance.now())
  line.end()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(order).toEqual(Array.from({ length: 100 }, (_, index) => index))
  return took
}

describe('in virtual time', () => {
  test('each chunk, and the end, is on its way for as long as it says', async () => {
    expect(await travel({ ms: 200 }, 10)).toEqual(Array.from({ length: 101 }, () => 200))
  })

  test('jitter makes it longer or shorter, by no more than it says', async () => {
    const took = await travel({ ms: 200, jitterMs: 50, seed }, 1_000)
    for (const ms of took) expect(Math.abs(ms - 200)).toBeLessThanOrEqual(51)
    expect(Math.max(...took)).toBeGreaterThan(230)
    expect(Math.min(...took)).toBeLessThan(170)
  })

  test('with the same seed it repeats exactly, each direction in its own way', async () => {
    const options = { ms: 200, jitterMs: 50, seed }
    const first = await travel(options, 1_000)
    expect(await travel(options, 1_000)).toEqual(first)
    expect(await travel({ ...options, seed: seed + 1 }, 1_000)).not.toEqual(first)
    const down = await travel(options, 1_000, 'down')
    expect(down).not.toEqual(first)
    expect(await travel(options, 1_000, 'down')).toEqual(down)
  })

  test('a chunk that drew a short time does not overtake one that drew a long one', async () => {
    const took = await travel({ ms: 200, jitterMs: 200, seed }, 1)
    expect(Math.max(...took)).toBeGreaterThan(200)
  })
})

test('no more than maxBytes are taken in before the first has arrived, and the rest is not lost', async () => {
  const stage = delay({ ms: HOUR_MS, maxBytes: 10_000 })
  let taken = 0
  const before = watch('up', (chunk) => {
    taken += chunk.length
  })
  const running = runStage([before, stage], { up: Array.from({ length: 100 }, () => Buffer.alloc(1_000)) })
  for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate)
  // One chunk is being offered while the line is full.
  expect(taken).toBeLessThanOrEqual(11_000)
  expect(taken).toBeGreaterThanOrEqual(10_000)
  stage.set({ ms: 0 })
  expect((await running).up.length).toBe(100_000)
})
