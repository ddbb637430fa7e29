import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Session } from '../src/session.js'
import { SessionList } from '../src/session-list.js'

test('holds those that were added and not removed, in any order of that', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 8 }), { minLength: 50, maxLength: 200 }), (numbers) => {
      const list = new SessionList()
      const model = new Map<number, Session>()
      for (const number of numbers) {
        const known = model.get(number)
        if (known === undefined) {
          const session = { place: -1 } as Session
          list.add(session)
          model.set(number, session)
        } else {
          list.remove(known)
          model.delete(number)
        }
        expect(list.size).toBe(model.size)
        expect(new Set(list)).toEqual(new Set(model.values()))
      }
    }),
  )
})
