import { expect, test } from 'vitest'
import { addFields } from '../../src/workers/add-fields.js'

test('numbers are added, those inside as well; what is no number is as in the first', () => {
  const one = { signal: 'SIGTERM', accepted: 2, closed: { 'client-end': 1, killed: 1 }, up: 10 }
  const other = { signal: 'SIGINT', accepted: 3, closed: { 'client-end': 2, 'idle-timeout': 1 }, down: 5 }
  expect(addFields(one, other)).toEqual({
    signal: 'SIGTERM',
    accepted: 5,
    closed: { 'client-end': 3, killed: 1, 'idle-timeout': 1 },
    up: 10,
    down: 5,
  })
  expect(addFields({}, one)).toEqual(one)
})
