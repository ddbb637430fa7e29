import { beforeEach, expect, test } from 'vitest'
import { inTurn, turn } from '../src/turn-share.js'

/** Keeps the event loop busy. */
function busy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

// What came before has used no time of the turn that a test begins in.
beforeEach(async () => {
  for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
})

test('a task runs at once while there is time', () => {
  let ran = false
  inTurn(() => {
    ran = true
  })
  expect(ran).toBe(true)
})

test('tasks that take long leave each turn to others, and keep their order', async () => {
  const order: number[] = []
  let turns = 0
  const count = (): void => {
    turns++
    if (order.length < 40) setImmediate(count)
  }
  setImmediate(count)
  for (let task = 0; task < 40; task++) {
    inTurn(() => {
      order.push(task)
      busy(1)
    })
  }
  expect(order.length).toBeLessThan(40)
  await turn()
  expect(order).toEqual(Array.from({ length: 40 }, (_, task) => task))
  expect(turns).toBeGreaterThan(4)
})

test('a task may ask for another one', async () => {
  const order: string[] = []
  inTurn(() => {
    busy(10)
    inTurn(() => order.push('inner'))
    inTurn(() => order.push('last'))
  })
  expect(order).toEqual([])
  await turn()
  expect(order).toEqual(['inner', 'last'])
})
