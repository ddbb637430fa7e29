import { expect, test } from 'vitest'
import { Content } from '../src/content.js'

const LENGTH = 200_000
const content = new Content('s1 client')
const sent = Buffer.concat(
  Array.from({ length: 4 }, (_, n) => content.at(n * 50_000, 50_000)),
  LENGTH,
)

test('matches itself, however it is cut', () => {
  for (let at = 0; at < LENGTH; at += 33_333) {
    expect(content.matches(at, sent.subarray(at, at + 33_333))).toBe(true)
  }
  expect(new Content('s1 client').matches(0, sent)).toBe(true)
})

test('does not match with a byte lost, doubled or changed, or from another', () => {
  const lost = Buffer.concat([sent.subarray(0, 65_536), sent.subarray(65_537)])
  const doubled = Buffer.concat([sent.subarray(0, 16_384), sent.subarray(0, 16_384)])
  const changed = Buffer.from(sent)
  changed[150_000] = (changed[150_000] as number) ^ 1
  for (const wrong of [lost, doubled, changed]) expect(content.matches(0, wrong)).toBe(false)
  expect(new Content('s1 server').matches(0, sent.subarray(0, 16))).toBe(false)
  expect(new Content('s2 client').matches(0, sent.subarray(0, 16))).toBe(false)
})
