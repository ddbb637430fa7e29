import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UpstreamRoom } from '../../src/upstream-room.js'

const MINUTE = 60_000

function roomAt(): { room: UpstreamRoom; pass(ms: number): void } {
  let now = 0
  return {
    room: new UpstreamRoom(() => now),
    pass: (ms) => {
      now += ms
    },
  }
}

/** Finds out that there is no room. */
function fill(room: UpstreamRoom): void {
  expect(room.ask('late', 1)).toBe(true)
  expect(room.unnoticed()).toBe(true)
  room.noticed()
  expect(room.crowded).toBe(true)
}

describe('an upstream', () => {
  test('that notices the guest at once is asked once for so many idle connections, and again for more', () => {
    const { room, pass } = roomAt()
    expect(room.ask('idle', 0)).toBe(false)
    expect(room.ask('idle', 2)).toBe(true)
    room.noticed()
    pass(MINUTE)
    expect(room.ask('idle', 2)).toBe(false)
    expect(room.ask('idle', 3)).toBe(true)
    room.noticed()
    expect(room.holdsBack).toBe(false)
  })

  test('whose answers are late is asked again, more and more rarely, while any is idle', () => {
    const { room, pass } = roomAt()
    const asked: number[] = []
    for (let second = 0; second < 3_600; second++) {
      if (room.ask('late', 1)) {
        asked.push(second)
        room.noticed()
      }
      pass(1_000)
    }
    expect(asked.slice(0, 6)).toEqual([0, 1, 3, 7, 15, 31])
    expect(asked.length).toBeLessThan(17)
    expect(room.ask('late', 0)).toBe(false)
  })

  test('that notices the guest when the idle ones were closed, and not before, is given none ahead', () => {
    const { room } = roomAt()
    room.ask('late', 3)
    expect(room.holdsBack).toBe(false)
    expect(room.unnoticed()).toBe(true)
    expect(room).toMatchObject({ holdsBack: true, crowded: false })
    room.noticed()
    expect(room).toMatchObject({ holdsBack: true, crowded: true })
    expect(room.ask('idle', 1)).toBe(false)
  })

  test('that never notices is left alone for ten minutes: it does not answer a FIN', () => {
    const { room, pass } = roomAt()
    room.ask('late', 3)
    expect([room.unnoticed(), room.holdsBack]).toEqual([true, true])
    expect([room.unnoticed(), room.holdsBack]).toEqual([true, false])
    expect([room.unnoticed(), room.holdsBack]).toEqual([false, false])
    pass(10 * MINUTE - 1)
    expect(room.ask('late', 3)).toBe(false)
    pass(1)
    expect(room.ask('late', 3)).toBe(true)
  })

  test('that had no room is tried again with the first client after a minute, then after twice as long, at most an hour', () => {
    const { room, pass } = roomAt()
    fill(room)
    for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
      pass(minutes * MINUTE - 1)
      expect(room.used()).toBe(false)
      pass(1)
      expect(room.used()).toBe(true)
      expect(room).toMatchObject({ trying: true, holdsBack: false })
      expect(room.ask('idle', 1)).toBe(true)
      expect(room.patienceMs(1, true)).toBeLessThanOrEqual(50)
      expect(room.unnoticed()).toBe(false)
      expect(room.crowded).toBe(true)
    }
  })

  test('that has room again gets connections ahead again; the next pause is a minute only if that lasts for an hour', () => {
    for (const [roomForMinutes, pauseMinutes] of [
      [1, 2],
      [59, 2],
      [61, 1],
    ] as const) {
      const { room, pass } = roomAt()
      fill(room)
      pass(MINUTE)
      room.used()
      room.ask('idle', 1)
      room.noticed()
      expect(room).toMatchObject({ holdsBack: false, trying: false })
      pass(roomForMinutes * MINUTE)
      fill(room)
      pass(pauseMinutes * MINUTE - 1)
      expect(room.used()).toBe(false)
      pass(1)
      expect(room.used()).toBe(true)
    }
  })

  test('that can not be reached has said nothing', () => {
    const { room, pass } = roomAt()
    room.ask('idle', 1)
    room.failed()
    expect(room.holdsBack).toBe(false)
    pass(1_000)
    fill(room)
    pass(MINUTE)
    room.used()
    room.ask('idle', 1)
    room.failed()
    expect(room.crowded).toBe(true)
  })

  test('is given as much time as its dials take', () => {
    const { room } = roomAt()
    room.ask('idle', 1)
    expect(room.patienceMs(1, true)).toBe(250)
    expect(room.patienceMs(200, true)).toBe(800)
    room.unnoticed()
    expect(room.patienceMs(1, true)).toBe(300)
    // A SYN that was dropped comes again after a second.
    expect(room.patienceMs(1, false)).toBeGreaterThan(1_000)
  })
})

const minutes = fc.integer({ min: 0, max: 5 })
const steps = fc.array(
  fc.record({ passMs: fc.nat(5_000), cause: fc.constantFrom('idle', 'late'), idle: fc.nat(8) }),
  { minLength: 1, maxLength: 400 },
)

describe('whatever happens', () => {
  test('an upstream with room keeps its connections, but for the moment it is asked', () => {
    fc.assert(
      fc.property(steps, (events) => {
        const { room, pass } = roomAt()
        for (const { passMs, cause, idle } of events) {
          pass(passMs)
          room.used()
          if (room.ask(cause, idle)) room.noticed()
          expect(room.holdsBack).toBe(false)
        }
      }),
    )
  })

  test('an upstream that answers no FIN loses its connections once in ten minutes', () => {
    fc.assert(
      fc.property(steps, (events) => {
        const { room, pass } = roomAt()
        let [losses, elapsed] = [0, 0]
        for (const { passMs, cause, idle } of events) {
          pass(passMs)
          elapsed += passMs
          if (!room.ask(cause, idle)) continue
          while (room.unnoticed()) if (room.holdsBack) losses++
          expect(room.holdsBack).toBe(false)
        }
        expect(losses).toBeLessThanOrEqual(1 + elapsed / (10 * MINUTE))
      }),
    )
  })

  test('an upstream without room is in the way of nobody but for one guest in each pause', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(minutes, fc.boolean()), { maxLength: 300 }), (events) => {
        const { room, pass } = roomAt()
        let [guests, elapsed] = [0, 0]
        for (const [passed, client] of events) {
          pass(passed * MINUTE)
          elapsed += passed
          if (client) room.used()
          if (!room.ask('late', 1)) continue
          guests++
          if (room.unnoticed()) room.noticed()
          expect(room.crowded).toBe(true)
        }
        expect(guests).toBeLessThanOrEqual(8 + elapsed / 60)
      }),
    )
  })
})
