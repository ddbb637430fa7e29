import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TurnoverMap } from '../src/turnover-map.js'

test('is a Map, through any turnover', () => {
  const key = fc.integer({ min: 0, max: 40 })
  const step = fc.oneof(fc.tuple(fc.constant('set'), key), fc.tuple(fc.constant('delete'), key))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const [map, model] = [new TurnoverMap<number, number>(), new Map<number, number>()]
      for (const [index, [act, key]] of steps.entries()) {
        if (act === 'set') {
          map.set(key, index)
          model.set(key, index)
        } else expect(map.delete(key)).toBe(model.delete(key))
        expect(map.size).toBe(model.size)
        expect([map.has(key), map.get(key)]).toEqual([model.has(key), model.get(key)])
        expect([...map.values()]).toEqual([...model.values()])
      }
    }),
    { numRuns: 200 },
  )
})

test('comes to an end when what is seen is deleted on the way', () => {
  const map = new TurnoverMap<number, number>()
  for (let key = 0; key < 100; key++) map.set(key, key)
  const seen: number[] = []
  for (const value of map.values()) {
    seen.push(value)
    map.delete(value)
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, key) => key))
  expect(map.size).toBe(0)
})
