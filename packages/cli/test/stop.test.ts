import { expect, test, vi } from 'vitest'
import { Stop } from '../src/stop.js'

const never = new Promise<never>(() => {})
const nothing = async (): Promise<void> => {}

test('work that ends or fails has all cut, then flushed, before the process leaves', async () => {
  const stop = new Stop()
  const seen: string[] = []
  const step = (name: string) => async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(name)
  }
  stop.cover({ cut: step('cut'), cutNow: () => void seen.push('cut the rest') })
  expect(await stop.leave(Promise.resolve(2), step('flushed'))).toBe(2)
  expect(seen).toEqual(['cut', 'flushed', 'cut the rest'])
})

test('who is forced leaves with its code, once its work is done', async () => {
  const stop = new Stop()
  const work = stop.asked.then((signal) => {
    expect(signal).toBeUndefined()
    return 0
  })
  stop.force(143)
  stop.force(130)
  expect(await stop.leave(work, nothing)).toBe(143)
})

test('what is covered after that is cut at once', () => {
  const stop = new Stop()
  stop.force(143)
  const cut = vi.fn(nothing)
  stop.cover({ cut })
  expect(cut).toHaveBeenCalledWith(143)
})

test.each([
  ['work', never, nothing, nothing],
  ['a cut', Promise.resolve(0), () => never, nothing],
  ['a flush', Promise.resolve(0), nothing, () => never],
] as const)('%s that never ends is not waited for', async (_name, work, cut, flush) => {
  const stop = new Stop()
  const cutNow = vi.fn()
  stop.cover({ cut, cutNow })
  stop.force(130)
  expect(await stop.leave(work, flush)).toBe(130)
  expect(cutNow).toHaveBeenCalledOnce()
})

test('a cut that fails holds up no other', async () => {
  const stop = new Stop()
  const other = vi.fn(nothing)
  stop.cover({ cut: () => Promise.reject(new Error('no')) })
  stop.cover({ cut: other })
  expect(await stop.leave(Promise.resolve(1), nothing)).toBe(1)
  expect(other).toHaveBeenCalledWith(1)
})
