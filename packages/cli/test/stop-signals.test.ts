import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { stopSignals } from '../src/stop-signals.js'
import { fakeIo } from './support/fake-io.js'

const never = new Promise<never>(() => {})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('the first signal asks to stop', async () => {
  const io = fakeIo()
  const stop = stopSignals(io)
  io.send('SIGTERM')
  expect(await stop.first).toBe('SIGTERM')
  expect(await stop.orForced(Promise.resolve('done'))).toBe('done')
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second signal, %s, ends what is still under way with %d', async (signal, exitCode) => {
  const io = fakeIo()
  const stop = stopSignals(io)
  io.send('SIGINT')
  vi.advanceTimersByTime(100)
  const forced = stop.orForced(never)
  io.send(signal)
  await expect(forced).rejects.toMatchObject({ exitCode, message: '' })
})

test('one Ctrl-C that arrives twice, from the terminal and through npm, counts once', async () => {
  const io = fakeIo()
  const stop = stopSignals(io)
  io.send('SIGINT')
  vi.advanceTimersByTime(99)
  io.send('SIGINT')
  expect(await stop.orForced(setImmediate('drained'))).toBe('drained')
})

test('different signals are never taken for one', async () => {
  const io = fakeIo()
  const stop = stopSignals(io)
  io.send('SIGINT')
  io.send('SIGTERM')
  await expect(stop.orForced(never)).rejects.toMatchObject({ exitCode: 143 })
})

test('stops listening when the work is done', async () => {
  let listening = false
  const stop = stopSignals({
    onSignal() {
      listening = true
      return () => {
        listening = false
      }
    },
  })
  expect(listening).toBe(true)
  await stop.orForced(Promise.resolve())
  expect(listening).toBe(false)
})
