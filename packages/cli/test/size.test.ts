import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatSize, parseSize } from '../src/size.js'

test.each([
  ['0', 0],
  ['512', 512],
  ['512B', 512],
  ['64KiB', 65_536],
  ['1.5MiB', 1_572_864],
  ['2GiB', 2_147_483_648],
])('reads %s as %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each(['', 'B', '-1', '1MB', '1kib', '1 KiB', '1e3', '9007199254740993', '9999999TiB'])(
  'refuses %j and says what is accepted',
  (text) => {
    expect(() => parseSize(text)).toThrow(/expected a size such as 512B, 64KiB, 1MiB or 1GiB, got '/)
  },
)

test.each([
  [0, '0B'],
  [1_023, '1023B'],
  [1_024, '1KiB'],
  [16_908_288, '16.1MiB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test('what it writes it reads back, to three digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
      expect(Math.abs(parseSize(formatSize(bytes)) - bytes)).toBeLessThanOrEqual(bytes * 0.006)
    }),
  )
})
