import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { statusLine } from '../../src/demo/status-line.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function sink(isTTY: boolean, columns = 80) {
  const written: string[] = []
  const write = (text: string): boolean => written.push(text) > 0
  return { isTTY, columns, written, write, writeBulk: write, flush: () => Promise.resolve() }
}

test('off a terminal: a line when something has changed, one a second at most', () => {
  const out = sink(false)
  let sessions = 0
  const status = statusLine(out, () => `sessions ${sessions}`)
  vi.advanceTimersByTime(5_000)
  expect(out.written).toEqual(['sessions 0\n'])
  for (let step = 0; step < 20; step += 1) {
    sessions += 1
    vi.advanceTimersByTime(100)
  }
  expect(out.written).toEqual(['sessions 0\n', 'sessions 10\n', 'sessions 20\n'])
  status.stop()
  vi.advanceTimersByTime(5_000)
  expect(out.written).toHaveLength(3)
})

test('on a terminal: the same line again, cut to its width, and a line end after the last', () => {
  const out = sink(true, 11)
  let text = 'sessions 0'
  const status = statusLine(out, () => text)
  text = 'sessions 1000'
  status.stop()
  expect(out.written).toEqual(['\r\u001b[2Ksessions 0', '\r\u001b[2Ksessions 1', '\n'])
})
