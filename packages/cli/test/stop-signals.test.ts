import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Stop } from '../src/stop.js'
import { stopSignals } from '../src/stop-signals.js'
import { type FakeIo, fakeIo } from './support/fake-io.js'

const never = new Promise<never>(() => {})
const nothing = async (): Promise<void> => {}

function listen(): { io: FakeIo; stop: Stop } {
  const io = fakeIo()
  const stop = new Stop()
  return { io, stop: stopSignals({ ...io, stop }) }
}

/** Work that nothing ends; it leaves at once all the same, because nothing is covered that takes time. */
function leaving(stop: Stop): Promise<number> {
  const { promise, resolve } = endOf()
  stop.cover({
    cut: async (exitCode) => resolve(exitCode),
  })
  return stop.leave(promise, nothing)
}

function endOf(): { promise: Promise<number>; resolve: (exitCode: number) => void } {
  let resolve: (exitCode: number) => void = () => {}
  const promise = new Promise<number>((onEnd) => {
    resolve = onEnd
  })
  return { promise, resolve }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('the first signal asks to stop', async () => {
  const { io, stop } = listen()
  const work = stop.unlessAsked(never)
  io.send('SIGTERM')
  expect(await stop.asked).toBe('SIGTERM')
  expect(await work).toBeUndefined()
  expect(await stop.leave(Promise.resolve(0), nothing)).toBe(0)
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'a second signal, %s, cuts what is still under way, and leaves with %d',
  async (signal, exitCode) => {
    const { io, stop } = listen()
    const left = leaving(stop)
    io.send('SIGINT')
    vi.advanceTimersByTime(100)
    io.send(signal)
    expect(await left).toBe(exitCode)
  },
)

test('a third signal changes nothing', async () => {
  const { io, stop } = listen()
  const left = leaving(stop)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT'] as const) io.send(signal)
  expect(await left).toBe(143)
})

test('one Ctrl-C that arrives twice, from the terminal and through npm, counts once', async () => {
  const { io, stop } = listen()
  const cut = vi.fn(nothing)
  stop.cover({ cut })
  io.send('SIGINT')
  vi.advanceTimersByTime(99)
  io.send('SIGINT')
  expect(await stop.asked).toBe('SIGINT')
  expect(cut).not.toHaveBeenCalled()
})

test('different signals are never taken for one', async () => {
  const { io, stop } = listen()
  const left = leaving(stop)
  io.send('SIGINT')
  io.send('SIGTERM')
  expect(await left).toBe(143)
})

test('a worker is forced by its primary', async () => {
  const stop = new Stop()
  let force: (exitCode: number) => void = () => {}
  const worker = {
    index: 1,
    count: 2,
    report: nothing,
    onForced: (listener: typeof force) => {
      force = listener
    },
  }
  stopSignals({ ...fakeIo(), stop, worker })
  const left = leaving(stop)
  force(130)
  expect(await left).toBe(130)
})
