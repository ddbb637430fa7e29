import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../src/duration.js'

test.each([
  ['0', 0],
  ['200ms', 200],
  ['1.5s', 1_500],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['596h', 2_145_600_000],
])('reads %s as %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  '',
  '5',
  '1',
  '-5s',
  '+5s',
  '1e3s',
  '5 s',
  ' 5s',
  '5S',
  '5sec',
  '.5s',
  '5.s',
  '1h30m',
  '0x1s',
  'Infinityh',
  '597h',
  '٣s',
])('refuses %j and says what is accepted', (text) => {
  expect(() => parseDuration(text)).toThrow(
    /expected a duration such as 200ms, 30s, 5m, 1h or 0, up to 596h, got '/,
  )
})

test.each([
  [0, '0ms'],
  [2.345, '2.35ms'],
  [999, '999ms'],
  [1_523, '1.52s'],
  [60_000, '1m'],
  [90_000, '1.5m'],
  [3_600_000, '1h'],
])('writes %d ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('what it writes it reads back, to three digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_140_000_000 }), (ms) => {
      expect(Math.abs(parseDuration(formatDuration(ms)) - ms)).toBeLessThanOrEqual(ms * 0.006)
    }),
  )
})
