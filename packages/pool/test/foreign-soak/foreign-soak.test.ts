import { appendFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { random, seed } from '../../../core/test/support/random.js'
import { cellsOf, modes } from './cells.js'
import { soak } from './soak.js'
import { SoakPlace } from './soak-place.js'

// `npm run test:foreign` asks for more of them, and for some of the modes; each run of the suite plays a part of all.
const { RELAY_FOREIGN_SESSIONS, RELAY_FOREIGN_MODES, RELAY_FOREIGN_ONLY, RELAY_FOREIGN_TABLE } = process.env
const sessions = Number(RELAY_FOREIGN_SESSIONS ?? 200)
const only = RELAY_FOREIGN_ONLY ?? ''
const named = RELAY_FOREIGN_MODES?.split(',') ?? Object.keys(modes)
const chosen = named.filter((mode) => cellsOf(mode, sessions, only, random(seed)).length > 0)
const PROGRESS_MS = 10_000

let place: SoakPlace
beforeAll(() => {
  place = new SoakPlace()
})
afterAll(() => place[Symbol.dispose]())

for (const mode of chosen) {
  test(
    `${mode}: every byte of ${sessions} sessions comes where it belongs, and nowhere else (seed ${seed})`,
    async () => {
      const startedAt = performance.now()
      let saidAt = startedAt
      const perSecond = (played: number): number =>
        Math.round((played * 1_000) / (performance.now() - startedAt))
      const tally = await soak(mode, {
        sessions,
        seed,
        place,
        only,
        onSession: (played) => {
          if (RELAY_FOREIGN_TABLE === undefined || performance.now() - saidAt < PROGRESS_MS) return
          saidAt = performance.now()
          console.log(`${mode}: ${played} of ${sessions} sessions, ${perSecond(played)} a second`)
        },
      })
      const { samples } = tally
      if (RELAY_FOREIGN_TABLE !== undefined) {
        const row = { mode, ...tally, perSecond: perSecond(sessions), samples }
        appendFileSync(RELAY_FOREIGN_TABLE, `${JSON.stringify(row)}\n`)
      }
      const { foreign, corrupted, lost, extra, misended } = tally
      const nothing = { foreign: 0, corrupted: 0, lost: 0, extra: 0, misended: 0 }
      expect({ foreign, corrupted, lost, extra, misended }, samples.join('\n')).toEqual(nothing)
    },
    60_000 + sessions * 100,
  )
}
