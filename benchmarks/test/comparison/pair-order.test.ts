import { expect, it } from 'vitest'
import { pairOrder, sides } from '../../src/comparison/pair-order.js'

const orders = Array.from({ length: 6 }, (_, pair) => pairOrder(pair))

it('measures the reverse order in every second pair', () => {
  expect(orders[0]).toEqual(['old', 'new', 'control'])
  for (const pair of [1, 3, 5]) expect(orders[pair]).toEqual([...(orders[pair - 1] ?? [])].reverse())
})

it('has each side twice in each place in six pairs', () => {
  for (const place of [0, 1, 2]) {
    expect(orders.map((order) => order[place]).sort()).toEqual([...sides, ...sides].sort())
  }
})
