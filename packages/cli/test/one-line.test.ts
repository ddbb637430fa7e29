import fc from 'fast-check'
import { expect, test } from 'vitest'
import { oneLine } from '../src/one-line.js'

test('leaves nothing that ends a line, moves a cursor or turns the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(oneLine(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
    }),
  )
})

test('spells out what it replaces', () => {
  expect(oneLine('a\nb\u001b[2J\u009b')).toBe('a\\u000ab\\u001b[2J\\u009b')
})

test('keeps JSON as it was meant', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(JSON.parse(oneLine(JSON.stringify(text)))).toBe(text)
    }),
  )
})
