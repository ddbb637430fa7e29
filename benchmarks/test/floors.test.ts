import { expect, it } from 'vitest'
import { judgeFloors } from '../src/floors.js'
import { bulkResult } from './support/bulk-result.js'

const floor = (claim: string, results: Parameters<typeof judgeFloors>[0]) =>
  judgeFloors(results).find((one) => one.claim === claim)

it('reaches a floor exactly at its bound, and not above it', () => {
  const claim = 'bulk down: CPU, of nginx’s'
  expect(floor(claim, [bulkResult({ relay: [0.72], nginx: [1] })])).toMatchObject({ value: 0.72, pass: true })
  expect(floor(claim, [bulkResult({ relay: [0.73], nginx: [1] })])).toMatchObject({
    value: 0.73,
    pass: false,
  })
})

it('compares within each round, so that a bad minute that hits both changes nothing', () => {
  const result = bulkResult({ relay: [1, 5, 1], nginx: [2, 10, 2] })
  expect(floor('bulk down: CPU, of nginx’s', [result])?.value).toBe(0.5)
})

it('judges nothing that was not measured', () => {
  const claim = 'bulk down: CPU, of Go’s'
  expect(floor(claim, [bulkResult({ relay: [1], nginx: [1] })])).toMatchObject({ pass: undefined })
  expect(judgeFloors([]).every(({ pass }) => pass === undefined)).toBe(true)
})
