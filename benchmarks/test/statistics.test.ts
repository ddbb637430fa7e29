import { describe, expect, it } from 'vitest'
import { quantile, rotated, summarize } from '../src/statistics.js'

describe('summarize', () => {
  it('gives the middle of an odd number of values, in whatever order they came', () => {
    expect(summarize([10, 9, 100])).toEqual({ median: 10, min: 9, max: 100, samples: 3 })
  })

  it('gives the mean of the two in the middle of an even number', () => {
    expect(summarize([4, 1, 3, 2])?.median).toBe(2.5)
  })

  it('says that nothing was measured', () => {
    expect(summarize([])).toBeUndefined()
  })
})

it('takes the smallest value that the share is not above for a quantile', () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at)
  expect([0, 0.5, 0.99, 1].map((share) => quantile(values, share))).toEqual([1, 50, 99, 100])
  expect(quantile([], 0.5)).toBeNaN()
})

it('begins each round with another one, and has all of them in each', () => {
  expect([0, 1, 4].map((round) => rotated(['a', 'b', 'c'], round))).toEqual([
    ['a', 'b', 'c'],
    ['b', 'c', 'a'],
    ['b', 'c', 'a'],
  ])
  expect(rotated([], 3)).toEqual([])
})
